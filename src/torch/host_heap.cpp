// The heap of host_heap.hpp: best fit with neighbours joined (Knuth, volume 1,
// section 2.5).
#include "torch/host_heap.hpp"

#include <iterator>
#include <new>

#include <sys/mman.h>

namespace
{

constexpr size_t growth = size_t{32} << 20; // by which the range grows

// Pieces of a power of two would begin at the same offset of every page, which
// caches tell apart badly.
size_t rounded(size_t n)
{
    constexpr size_t a = th::host_heap::alignment;

    return (n + a - 1) / a * a + a;
}

} // namespace

th::host_heap::host_heap(size_t reserve) noexcept
{
    void *const p = mmap(nullptr, reserve, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        return;
    base = static_cast<char *>(p);
    reserved = reserve;
}

th::host_heap::~host_heap()
{
    if (base)
        munmap(base, reserved);
}

// Makes the range usable up to `to`.
bool th::host_heap::grow(size_t to) noexcept
{
    if (to <= usable)
        return true;
    const size_t wanted = (to + growth - 1) / growth * growth;

    if (wanted > reserved ||
        mprotect(base + usable, wanted - usable, PROT_READ | PROT_WRITE) != 0)
        return false;
    usable = wanted;
    return true;
}

void th::host_heap::put_free(size_t at, size_t n)
{
    free_at.emplace(at, n);
    free_by_size.emplace(n, at);
}

void th::host_heap::remove_free(by_offset::iterator i)
{
    free_by_size.erase({i->second, i->first});
    free_at.erase(i);
}

void *th::host_heap::take(size_t n)
{
    if (n > reserved / 2)
        return nullptr;
    const size_t bytes = rounded(n);
    const auto fit = free_by_size.lower_bound({bytes, 0});
    size_t at = end;

    if (fit != free_by_size.end()) {
        const auto piece = free_at.find(fit->second);
        const size_t left = piece->second - bytes;

        at = piece->first;
        remove_free(piece);
        if (left > 0)
            put_free(at + bytes, left);
    } else {
        // A free piece at the end needs only what is missing.
        const auto last = free_at.empty() ? free_at.end() : --free_at.end();
        const bool joins =
            last != free_at.end() && last->first + last->second == end;

        at = joins ? last->first : end;
        if (!grow(at + bytes))
            return nullptr;
        if (joins)
            remove_free(last);
        end = at + bytes;
    }
    lives.emplace(at, bytes);
    taken += bytes;
    return base + at;
}

// A piece that became free, with its free neighbours.
void th::host_heap::join(size_t at, size_t n)
{
    auto next = free_at.lower_bound(at);

    if (next != free_at.end() && next->first == at + n) {
        n += next->second;
        remove_free(next++);
    }
    if (next != free_at.begin()) {
        const auto before = std::prev(next);

        if (before->first + before->second == at) {
            at = before->first;
            n += before->second;
            remove_free(before);
        }
    }
    put_free(at, n);
}

void th::host_heap::give(void *p) noexcept
{
    const auto found =
        lives.find(static_cast<size_t>(static_cast<char *>(p) - base));
    const size_t at = found->first, n = found->second;

    taken -= n;
    lives.erase(found);
    try {
        join(at, n);
    } catch (const std::bad_alloc &) {
    }
}
