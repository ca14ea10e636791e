// Host memory: who gives tensors theirs.
#include <algorithm>
#include <mutex>

#include <sys/resource.h>
#include <unistd.h>

#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "torch/host_heap.hpp"
#include "torch/th_internal.hpp"

namespace
{

// Smaller ones come and go within the C library's heap.
constexpr size_t large = size_t{64} << 10;

size_t reserve()
{
    const size_t pages = static_cast<size_t>(sysconf(_SC_PHYS_PAGES));

    return 4 * pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

class allocator : public c10::Allocator
{
  public:
    allocator() : heap(reserve())
    {
    }

    c10::DataPtr allocate(size_t n) override
    {
        void *p = n >= large ? take(n) : nullptr;

        if (!p)
            p = c10::alloc_cpu(n);
        return {p, p, give, c10::Device(c10::kCPU)};
    }

    c10::DeleterFnPtr raw_deleter() const override
    {
        return give;
    }

    void copy_data(void *to, const void *from, size_t n) const override
    {
        default_copy_data(to, from, n);
    }

    th_host_memory count(bool reset)
    {
        const std::lock_guard<std::mutex> held(lock);
        const th_host_memory m = {static_cast<int64_t>(heap.used()),
                                  static_cast<int64_t>(peak),
                                  static_cast<int64_t>(heap.size())};

        if (reset)
            peak = heap.used();
        return m;
    }

    static allocator *installed;

  private:
    void *take(size_t n)
    {
        const std::lock_guard<std::mutex> held(lock);
        void *const p = heap.take(n);

        peak = std::max(peak, heap.used());
        return p;
    }

    static void give(void *p)
    {
        allocator &a = *installed;

        if (!a.heap.holds(p)) {
            c10::free_cpu(p);
            return;
        }
        const std::lock_guard<std::mutex> held(a.lock);

        a.heap.give(p);
    }

    std::mutex lock;
    th::host_heap heap;
    size_t peak = 0;
};

allocator *allocator::installed = nullptr;

// Where addresses are rationed the range would be taken for memory; a sanitizer
// sees what is wrong with each tensor by itself.
bool addresses_are_free()
{
#if defined(__SANITIZE_ADDRESS__)
    return false;
#else
    struct rlimit limit;

    return getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
#endif
}

} // namespace

// A step allocates the same tensors as the one before. Kept in the heap, their
// memory is there again; given back to the system, every page of it must be
// asked for and cleared anew.
extern "C" void th_keep_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_ARENA_MAX, 1);
#endif
    // Never destroyed: tensors may outlive static storage.
    static const bool once = [] {
        if (addresses_are_free()) {
            allocator::installed = new allocator;
            c10::SetCPUAllocator(allocator::installed, 1);
        }
        return true;
    }();

    (void)once;
}

extern "C" th_host_memory th_host_count(bool reset)
{
    return allocator::installed ? allocator::installed->count(reset)
                                : th_host_memory{0, 0, 0};
}
