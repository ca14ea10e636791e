// Recording and playing of player.hpp.
#include <atomic>

#include "torch/player.hpp"
#include "torch/th_recorded.h"

#ifdef NJ_CUDA
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAContextLight.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

static std::atomic<int64_t> graphs_alive{0};

extern "C" int64_t th_graphs(void)
{
    return graphs_alive;
}

#ifdef NJ_CUDA

namespace caching = c10::cuda::CUDACachingAllocator;

// What may fail without harm; false: it did.
template <class F> static bool quietly(const F &f) noexcept
{
    try {
        f();
        return true;
    } catch (...) {
        (void)cudaGetLastError();
        return false;
    }
}

struct th::stage::memory {
    at::cuda::MempoolId_t pool;
    c10::cuda::CUDAStream stream;
    int graphs; // that have the pool
};

struct th::player::graph {
    stage::memory &on;
    at::cuda::CUDAGraph cuda;
    bool played = false;

    // libtorch refuses a pool whose last graph has gone.
    explicit graph(stage::memory &memory) : on(memory)
    {
        if (on.graphs == 0)
            on.pool = at::cuda::graph_pool_handle();
        on.graphs++;
        graphs_alive++;
    }
    // The device may still be at it. Memory that can grow is taken from it as
    // soon as others want it: libtorch waits for the stream of the recording
    // only, not for those that it was played on.
    ~graph()
    {
        if (played)
            quietly([this] {
                const c10::cuda::CUDAGuard guard(on.stream.device_index());

                c10::cuda::device_synchronize();
            });
        on.graphs--;
        graphs_alive--;
    }

    // Memory that waits to be used again goes back to the device first: the
    // graph's own comes on top of what is in use. So does cuBLAS's before and
    // after, of which there is some for every thread and stream.
    void record(const std::function<void()> &pass)
    {
        c10::cuda::device_synchronize();
        at::cuda::clearCublasWorkspaces();
        caching::emptyCache();
        const c10::cuda::CUDAStreamGuard aside(on.stream);

        try {
            cuda.capture_begin(on.pool, cudaStreamCaptureModeRelaxed);
            pass();
        } catch (...) {
            quietly([this] { end(); });
            throw;
        }
        end();
        at::cuda::clearCublasWorkspaces();
    }

    void play()
    {
        played = true;
        cuda.replay();
    }

  private:
    // Where CUDA says that the recording is of no use libtorch forgets to end
    // it: it would give no memory back to the device any more.
    void end()
    {
        try {
            cuda.capture_end();
        } catch (...) {
            const auto device = on.stream.device_index();
            at::HostAllocator *const host = at::getHostAllocator(at::kCUDA);

            if (quietly([&] { caching::endAllocateToPool(device, on.pool); }))
                quietly([&] { caching::releasePool(device, on.pool); });
            if (quietly([&] { host->end_allocate_to_pool(on.pool); }))
                quietly([&] { host->release_pool(on.pool); });
            throw;
        }
    }
};

th::stage::stage(at::Device d) : device(d)
{
    if (device.is_cuda())
        shared.reset(new memory{
            {}, c10::cuda::getStreamFromPool(false, device.index()), 0});
}

void th::give_memory_back() noexcept
{
    quietly([] { caching::emptyCache(); });
}

bool th::player::play(stage &on, const std::function<void()> &pass)
{
    if (!on.shared)
        return false;
    const c10::cuda::CUDAGuard guard(on.device);

    if (!tried) {
        tried = true;
        try {
            std::unique_ptr<graph> g(new graph(*on.shared));

            g->record(pass);
            recorded = std::move(g);
        } catch (...) {
            // What is wrong with the pass itself comes up when it runs, with
            // the memory that the recording had.
            quietly([] { at::cuda::clearCublasWorkspaces(); });
            give_memory_back();
        }
    }
    if (recorded)
        recorded->play();
    return recorded != nullptr;
}

#else

struct th::stage::memory {
};

struct th::player::graph {
};

th::stage::stage(at::Device d) : device(d)
{
}

void th::give_memory_back() noexcept
{
}

bool th::player::play(stage &, const std::function<void()> &)
{
    return false;
}

#endif

void th::player::give_up()
{
    tried = true;
    recorded.reset();
}

th::stage::~stage() = default;
th::player::player() = default;
th::player::~player() = default;
