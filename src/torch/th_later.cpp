// th_read_later: numbers that the host reads when it wants them, while the
// device goes on.
#include <atomic>
#include <cstring>

#include "torch/block.hpp"

#ifdef NJ_CUDA
#include <ATen/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#endif

struct th_later {
    at::Tensor numbers; // on the host, float32
#ifdef NJ_CUDA
    at::cuda::CUDAEvent there;
#endif
};

namespace
{

at::Tensor in_a_row(const th_tensor *const *t, size_t n)
{
    std::vector<at::Tensor> parts;

    for (size_t i = 0; i < n; i++)
        parts.push_back(t[i]->t.detach().to(at::kFloat).reshape(-1));
    return at::cat(parts);
}

void send(th_later &l, const at::Tensor &all)
{
    if (all.is_cpu()) {
        l.numbers = all;
        return;
    }
#ifdef NJ_CUDA
    const c10::cuda::CUDAGuard guard(all.device());

    l.numbers = at::empty(all.sizes(),
                          all.options().device(at::kCPU).pinned_memory(true));
    l.numbers.copy_(all, true);
    l.there.record();
#endif
}

void wait(th_later &l)
{
#ifdef NJ_CUDA
    if (l.there.isCreated())
        l.there.synchronize();
#else
    (void)l;
#endif
}

} // namespace

extern "C" th_later *th_read_later(th_scope *s, const th_tensor *const *t,
                                   size_t n)
{
    std::unique_ptr<th_later> l;

    if (!th::all_there(s, "read_later", t, n))
        return nullptr;
    const bool sent = th::act(s, "read_later", {}, [&] {
        const c10::NoGradGuard no_grad;

        l.reset(new th_later);
        send(*l, in_a_row(t, n));
    });

    return sent ? l.release() : nullptr;
}

extern "C" void th_later_read(th_scope *s, th_later *l, float *out, size_t n)
{
    th::act(s, "later_read", {}, [&] {
        TORCH_CHECK(l && static_cast<size_t>(l->numbers.numel()) == n,
                    "there is another count of numbers");
        wait(*l);
        if (n)
            std::memcpy(out, l->numbers.const_data_ptr<float>(),
                        n * sizeof(float));
    });
}

static std::atomic<bool> ahead_everywhere{false};

extern "C" bool th_runs_ahead(th_device device)
{
    return device.kind == TH_CUDA || ahead_everywhere;
}

extern "C" void th_set_ahead_everywhere(bool on)
{
    ahead_everywhere = on;
}

extern "C" void th_later_free(th_later *l)
{
    delete l;
}
