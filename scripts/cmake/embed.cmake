# Turns a text file into a C string: cmake -DIN=a.js -DOUT=a.c -DNAME=symbol -P
# embed.cmake. Hexadecimal bytes, so that no escaping rule can bite.
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "((0x..,){16})" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "extern const char ${NAME}[];\nconst char ${NAME}[] = {\n${bytes}0};\n")
