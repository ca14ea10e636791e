// A pass that is launched again and again on the same memory. On CUDA what it
// launches is recorded once, as a graph, and launched as a whole from then on.
#ifndef NJ_TORCH_PLAYER_HPP
#define NJ_TORCH_PLAYER_HPP

#include <functional>
#include <memory>

#include <ATen/ATen.h>

namespace th
{

// What players share whose passes follow each other: the memory that their
// graphs work in, and the stream that they are recorded on. The backward pass
// of a network is recorded on the stream of its forward pass, as autograd leads
// it there.
class stage;

class player
{
  public:
    player();
    ~player();
    player(const player &) = delete;
    player &operator=(const player &) = delete;

    // What is recorded, at the first call, is played; false: nothing is, as the
    // device has no graphs or the pass cannot be recorded, and nothing was
    // done. A pass must launch the same each time and wait for nothing. Where
    // its recording failed it may have run in part.
    bool play(stage &on, const std::function<void()> &pass);

    // Never again: play() returns false.
    void give_up();

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

// What is not in use goes back to the device, for those who do not ask
// libtorch for memory: the driver, its libraries and other programs.
void give_memory_back() noexcept;

} // namespace th

#endif
