// A pass that is launched again and again on the same memory. On CUDA what it
// launches is recorded once, as a graph, and launched as a whole from then on;
// elsewhere, and where recording fails, the pass runs each time.
#ifndef NJ_TORCH_PLAYER_HPP
#define NJ_TORCH_PLAYER_HPP

#include <functional>
#include <memory>

#include <ATen/ATen.h>

namespace th
{

// What the players of one network share: the memory that their graphs work in,
// and the stream that they are recorded on. The backward pass of a network is
// recorded on the stream of its forward pass, as autograd leads it there.
class stage;

class player
{
  public:
    player();
    ~player();
    player(const player &) = delete;
    player &operator=(const player &) = delete;

    // After this the pass is done, or will be when the current stream gets
    // there. It must launch the same each time and wait for nothing. A failure
    // of the pass is thrown; one of the recording is not.
    void play(stage &on, const std::function<void()> &pass);

  private:
    struct graph;
    std::unique_ptr<graph> recorded;
    bool tried = false;
};

class stage
{
  public:
    explicit stage(at::Device device);
    ~stage();
    stage(const stage &) = delete;
    stage &operator=(const stage &) = delete;

  private:
    friend class player;
    struct memory;
    at::Device device;
    std::unique_ptr<memory> shared;
};

} // namespace th

#endif
