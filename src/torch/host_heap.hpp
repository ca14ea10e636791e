// A heap for the large tensors of the host, in one range of addresses that
// grows at its end.
//
// A step of a network makes the same tensors as the one before, so memory that
// was freed is kept. In the C library's heap what is small and lives long comes
// to lie between what is large, and the free pieces do not fit together; here
// nothing is small, neighbours that are free become one piece, and the smallest
// piece that is large enough is taken.
#ifndef NJ_TORCH_HOST_HEAP_HPP
#define NJ_TORCH_HOST_HEAP_HPP

#include <cstddef>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

namespace th
{

class host_heap
{
  public:
    static constexpr size_t alignment = 64;

    // Reserves addresses, no memory. Where that is not possible take() gives
    // nothing.
    explicit host_heap(size_t reserve) noexcept;
    ~host_heap();
    host_heap(const host_heap &) = delete;
    host_heap &operator=(const host_heap &) = delete;

    // n bytes, n > 0, or nullptr when the range is full or the system refuses.
    void *take(size_t n);
    // Memory that take() gave. Where there is no memory to note it down it is
    // lost.
    void give(void *p) noexcept;
    // Whether take() gave it.
    bool holds(const void *p) const noexcept
    {
        const char *const c = static_cast<const char *>(p);

        return c >= base && c < base + reserved;
    }
    size_t used() const noexcept // bytes that are taken
    {
        return taken;
    }
    size_t size() const noexcept // bytes up to the end of the last piece ever
    {
        return end;
    }

  private:
    using by_offset = std::map<size_t, size_t>; // -> bytes

    bool grow(size_t to) noexcept;
    void put_free(size_t at, size_t n);
    void join(size_t at, size_t n);
    void remove_free(by_offset::iterator i);

    char *base = nullptr;
    size_t reserved = 0, usable = 0, end = 0, taken = 0;
    by_offset free_at;
    std::set<std::pair<size_t, size_t>> free_by_size; // bytes, offset
    std::unordered_map<size_t, size_t> lives;         // offset -> bytes
};

} // namespace th

#endif
