// Recording and playing of player.hpp.
#include <atomic>

#include "torch/player.hpp"
#include "torch/th_recorded.h"

#ifdef NJ_CUDA
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

struct th::stage::memory {
    at::cuda::MempoolId_t pool;
    c10::cuda::CUDAStream stream;
};

struct th::player::graph {
    at::cuda::CUDAGraph cuda;

    graph()
    {
        graphs_alive++;
    }
    ~graph()
    {
        graphs_alive--;
    }

    // Memory that waits to be used again goes back to the device first: the
    // graph's own comes on top of what is in use. So does cuBLAS's before and
    // after, of which there is some for every thread and stream.
    void record(const stage::memory &on, const std::function<void()> &pass)
    {
        c10::cuda::device_synchronize();
        at::cuda::clearCublasWorkspaces();
        c10::cuda::CUDACachingAllocator::emptyCache();
        const c10::cuda::CUDAStreamGuard aside(on.stream);

        cuda.capture_begin(on.pool, cudaStreamCaptureModeRelaxed);
        try {
            pass();
        } catch (...) {
            end_quietly();
            throw;
        }
        cuda.capture_end();
        at::cuda::clearCublasWorkspaces();
    }

  private:
    // A recording that went wrong can only be thrown away.
    void end_quietly() noexcept
    {
        try {
            cuda.capture_end();
        } catch (...) {
            (void)cudaGetLastError();
        }
    }
};

th::stage::stage(at::Device d) : device(d)
{
    if (device.is_cuda())
        shared.reset(
            new memory{at::cuda::graph_pool_handle(),
                       c10::cuda::getStreamFromPool(false, device.index())});
}

bool th::player::play(stage &on, const std::function<void()> &pass)
{
    if (!on.shared)
        return false;
    const c10::cuda::CUDAGuard guard(on.device);

    if (!tried) {
        tried = true;
        try {
            std::unique_ptr<graph> g(new graph);

            g->record(*on.shared, pass);
            recorded = std::move(g);
        } catch (...) {
            // What is wrong with the pass itself comes up when it runs.
        }
    }
    if (recorded)
        recorded->cuda.replay();
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
