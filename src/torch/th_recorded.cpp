// th_recorded: a part of a network that is played back. Each set of shapes has
// memory of its own for the inputs, the result and the gradients, which a play
// writes and reads again; results leave it as copies. What the forward pass
// saves for the backward pass lies where other recordings of the stage work
// too, as it is of no use any more when the backward pass is done.
#include <atomic>

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/functions/utils.h>

#include "torch/block.hpp"
#include "torch/player.hpp"

namespace th
{
namespace ag = torch::autograd;

static std::atomic<bool> played_everywhere{false};

// The calls that one recording serves.
struct occasion {
    at::Device device;
    std::vector<std::vector<int64_t>> sizes;
    std::vector<at::ScalarType> types;
    std::vector<bool> wanted; // inputs that gradients are taken by

    occasion(const th_tensor *const *args, size_t n)
        : device(args[0]->t.device())
    {
        const bool grad = c10::GradMode::is_enabled();

        for (size_t i = 0; i < n; i++) {
            sizes.push_back(args[i]->t.sizes().vec());
            types.push_back(args[i]->t.scalar_type());
            wanted.push_back(grad && args[i]->t.requires_grad());
        }
    }

    bool operator==(const occasion &o) const
    {
        return device == o.device && sizes == o.sizes && types == o.types &&
               wanted == o.wanted;
    }

    bool derives() const
    {
        return std::find(wanted.begin(), wanted.end(), true) != wanted.end();
    }
};

// What the performances of a recording share, and those of recordings beside
// it. Their passes follow each other, forward and backward. All of them may lie
// between the two passes of one around them: those that are recorded while it
// waits for its backward pass work in its memory, as what its forward pass
// saved is alive then. What belongs to an earlier such time is of no use any
// more.
struct ensemble {
    std::shared_ptr<ensemble> around; // or NULL
    std::shared_ptr<stage> own;
    int64_t turns = 0;      // forward and backward passes
    bool surrounds = false; // others
    bool waits = false;     // the backward pass is not recorded yet
    int64_t times = 0;      // that it began to wait

    bool is_within() const
    {
        return around && around->waits;
    }

    // Where to record now.
    std::shared_ptr<stage> stage_for(at::Device device)
    {
        if (is_within())
            return around->stage_for(device);
        if (!own)
            own = std::make_shared<stage>(device);
        return own;
    }
};

class performance
{
  public:
    performance(occasion when, std::shared_ptr<ensemble> among)
        : occasion_(std::move(when)), among_(std::move(among))
    {
    }

    const occasion &when() const
    {
        return occasion_;
    }

    // The first call runs as if there were no recording: libraries get ready.
    bool is_first()
    {
        return calls++ == 0;
    }

    // Whether another one may have its memory by now.
    bool is_out_of_time() const
    {
        return (within_ && among_->around->times != time_) ||
               (surrounds() && stage_ && among_->times != time_);
    }

    // The last pass of all that share its memory.
    int64_t turn() const
    {
        return among_->turns;
    }

    // Whether the memory of its forward pass, that turn, is still as it left
    // it.
    bool awaits_gradient(int64_t turn) const
    {
        return turn == among_->turns && turn_around() == turn_around_;
    }

    // The result for new inputs, without a history.
    at::Tensor forward(th_block *block, const void *user,
                       const th_tensor *const *args)
    {
        set_inputs(args);
        among_->turns++;
        turn_around_ = turn_around();
        run = [this, block, user] {
            const c10::AutoGradMode mode(occasion_.derives());

            y.reset(); // with what it kept of a pass without a gradient
            y = run_block(block, user, in);
        };
        if (!stage_)
            enter_stage();
        played = forward_.play(*stage_, run);
        if (!played)
            run();
        return y.detach().clone();
    }

    // Gradients by the wanted inputs, of the last result.
    ag::variable_list backward(const at::Tensor &grad)
    {
        const c10::NoGradGuard no_grad;
        const auto derive = [&] { dx = ag::grad({y}, wanted_inputs(), {dy}); };
        ag::variable_list out;

        among_->turns++;
        if (!dy.defined())
            dy = at::empty_like(y.detach());
        dy.copy_(grad, true);
        among_->waits = false;
        if (!played || !backward_.play(*stage_, derive)) {
            // A recording that failed may have used up the history.
            if (played) {
                forward_.give_up();
                run();
            }
            played = false;
            derive();
        }
        for (const at::Tensor &d : dx)
            out.push_back(d.clone());
        return out;
    }

  private:
    void enter_stage()
    {
        within_ = among_->is_within();
        stage_ = among_->stage_for(occasion_.device);
        if (surrounds()) {
            among_->times++;
            among_->waits = true;
        }
        time_ = within_ ? among_->around->times : among_->times;
    }

    int64_t turn_around() const
    {
        return among_->around ? among_->around->turns : 0;
    }

    bool surrounds() const
    {
        return among_->surrounds && occasion_.derives();
    }

    void set_inputs(const th_tensor *const *args)
    {
        const c10::NoGradGuard no_grad;

        if (in.empty()) {
            for (size_t i = 0; i < occasion_.sizes.size(); i++)
                in.push_back(args[i]
                                 ->t.detach()
                                 .clone(at::MemoryFormat::Contiguous)
                                 .set_requires_grad(occasion_.wanted[i]));
            return;
        }
        for (size_t i = 0; i < in.size(); i++)
            in[i].copy_(args[i]->t, true);
    }

    ag::variable_list wanted_inputs() const
    {
        ag::variable_list by;

        for (size_t i = 0; i < in.size(); i++)
            if (occasion_.wanted[i])
                by.push_back(in[i]);
        return by;
    }

    const occasion occasion_;
    const std::shared_ptr<ensemble> among_;
    std::shared_ptr<stage> stage_; // outlives the players
    bool within_ = false;          // the stage is that of the one around it
    int64_t time_ = 0;             // of whoever has the stage
    int64_t turn_around_ = 0;      // when the last forward pass began
    std::vector<at::Tensor> in;
    at::Tensor y, dy;
    ag::variable_list dx;
    std::function<void()> run; // the last forward pass
    bool played = false;       // and whether it was a recording
    player forward_, backward_;
    int64_t calls = 0;
};

struct performed_node : public ag::Node {
    std::shared_ptr<performance> what;
    int64_t turn = 0;

    ag::variable_list apply(ag::variable_list &&grads) override
    {
        const std::vector<bool> &wanted = what->when().wanted;
        ag::variable_list out(wanted.size());

        if (!grads[0].defined())
            return out;
        TORCH_CHECK(what->awaits_gradient(turn),
                    "a recorded pass was played again before its gradient, "
                    "its gradient was taken twice, or the pass around it was "
                    "over");
        const ag::variable_list found = what->backward(grads[0]);

        for (size_t i = 0, k = 0; i < out.size(); i++)
            if (wanted[i])
                out[i] = found[k++];
        return out;
    }
};

} // namespace th

struct th_recording {
    size_t limit;
    std::shared_ptr<th::ensemble> among;
    std::vector<std::shared_ptr<th::performance>> known; // last used last
};

namespace th
{

// The recording for these inputs; the one that was not used for longest makes
// room for a new one.
static std::shared_ptr<performance> performance_for(th_recording *r,
                                                    occasion when)
{
    std::shared_ptr<performance> found;

    for (size_t i = 0; i < r->known.size() && !found; i++)
        if (r->known[i]->when() == when) {
            found = r->known[i];
            r->known.erase(r->known.begin() + static_cast<ptrdiff_t>(i));
        }
    if (found && found->is_out_of_time())
        found.reset();
    if (!found) {
        if (r->known.size() >= r->limit)
            r->known.erase(r->known.begin());
        found = std::make_shared<performance>(std::move(when), r->among);
    }
    r->known.push_back(found);
    return found;
}

static at::Tensor perform(const std::shared_ptr<performance> &p,
                          th_block *block, const void *user,
                          const th_tensor *const *args)
{
    const size_t n = p->when().sizes.size();
    at::Tensor y = p->forward(block, user, args);

    if (!p->when().derives())
        return y;
    const std::shared_ptr<performed_node> node(new performed_node,
                                               ag::deleteNode);

    node->what = p;
    node->turn = p->turn();
    add_edges(*node, args, n);
    return result_of(y, node);
}

} // namespace th

extern "C" th_recording *th_recording_new(int limit, const th_recording *beside,
                                          const th_recording *around)
{
    try {
        const std::shared_ptr<th::ensemble> among =
            beside ? beside->among : std::make_shared<th::ensemble>();

        if (around && !beside) {
            among->around = around->among;
            among->around->surrounds = true;
        }
        return new th_recording{
            static_cast<size_t>(limit > 0 ? limit : 1), among, {}};
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
}

extern "C" void th_recording_free(th_recording *r)
{
    th_recording_clear(r);
    delete r;
}

extern "C" void th_recording_clear(th_recording *r)
{
    if (!r || r->known.empty())
        return;
    r->known.clear();
    th::give_memory_back();
}

extern "C" void th_set_playing_everywhere(bool on)
{
    th::played_everywhere = on;
}

extern "C" th_tensor *th_recorded(th_scope *s, th_recording *r, th_block *block,
                                  const void *user,
                                  const th_tensor *const *args, size_t n)
{
    std::shared_ptr<th::performance> p;

    if (!th::all_there(s, "recorded", args, n))
        return nullptr;
    if (r && (args[0]->t.is_cuda() || th::played_everywhere) &&
        th::act(s, "recorded", {},
                [&] { p = th::performance_for(r, th::occasion(args, n)); }) &&
        !p->is_first())
        return th::op(s, "recorded", {args[0]},
                      [&] { return th::perform(p, block, user, args); });
    return block(s, user, args);
}
