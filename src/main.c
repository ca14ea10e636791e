/* The program: arguments in, exit status out. */
#include "cli/cli.h"
#include "job/engine_load.h"

int main(int argc, char **argv)
{
    return nj_cli_main(argc, argv, nj_engine_load);
}
