// Counts what autograd keeps for the backward pass (th_saved_bytes).
//
// libtorch offers every saved tensor to the hooks of its engine; outside
// Python nobody installs any. The engine here is libtorch's own with one more
// method, which hands out hooks that keep the tensor and count its storage
// once, however many functions saved it. Not counted: floating tensors that
// take no part in the derivation, that is weights, embeddings of the timestep
// and the few numbers of a norm's moments.
#include <mutex>
#include <unordered_map>

#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/saved_variable_hooks.h>

#include "torch/th_internal.hpp"

namespace
{

struct counter {
    std::mutex lock;
    std::unordered_map<const c10::StorageImpl *, int64_t> uses;
    int64_t bytes = 0;

    void add(const at::Tensor &t)
    {
        const std::lock_guard<std::mutex> held(lock);

        if (uses[t.storage().unsafeGetStorageImpl()]++ == 0)
            bytes += static_cast<int64_t>(t.storage().nbytes());
    }

    void drop(const at::Tensor &t) noexcept
    {
        const std::lock_guard<std::mutex> held(lock);
        const auto found = uses.find(t.storage().unsafeGetStorageImpl());

        if (found == uses.end() || --found->second > 0)
            return;
        uses.erase(found);
        bytes -= static_cast<int64_t>(t.storage().nbytes());
    }
};

// Never destroyed: tensors may outlive static storage.
counter &saved()
{
    static counter *const c = new counter;

    return *c;
}

class counting_hooks : public torch::autograd::SavedVariableHooks
{
  public:
    void call_pack_hook(const at::Tensor &t) override
    {
        kept = t.detach();
        version = t._version();
        counted = t.has_storage() &&
                  (t.requires_grad() || !at::isFloatingType(t.scalar_type()));
        if (counted)
            saved().add(kept);
    }

    // libtorch does not look for later changes of tensors under hooks.
    at::Tensor call_unpack_hook() override
    {
        TORCH_CHECK(kept._version() == version,
                    "a tensor of the backward pass was changed in place");
        return kept;
    }

    ~counting_hooks() override
    {
        if (counted)
            saved().drop(kept);
    }

  private:
    at::Tensor kept;
    int64_t version = 0;
    bool counted = false;
};

class counting_engine : public torch::autograd::Engine
{
  public:
    std::unique_ptr<torch::autograd::SavedVariableHooks>
    get_default_saved_variable_hooks() override
    {
        return std::make_unique<counting_hooks>();
    }

    ~counting_engine() override
    {
        stop();
    }
};

// A library prints nothing, libtorch's warnings included.
class silent : public c10::WarningHandler
{
  public:
    void process(const c10::Warning &) override
    {
    }
};

torch::autograd::Engine &engine()
{
    static counting_engine e;

    return e;
}

} // namespace

void th::install()
{
    static silent handler;

    torch::autograd::set_default_engine_stub(engine);
    c10::WarningUtils::set_warning_handler(&handler);
}

extern "C" int64_t th_saved_bytes(void)
{
    const std::lock_guard<std::mutex> held(saved().lock);

    return saved().bytes;
}
