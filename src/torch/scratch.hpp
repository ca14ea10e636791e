// Memory that a thread computes in, and forgets.
#ifndef NJ_TORCH_SCRATCH_HPP
#define NJ_TORCH_SCRATCH_HPP

#include "torch/th_internal.hpp"

namespace th
{

// One at a time in a thread. What is small stays with the thread: small loops
// are so short that their threads would wait for each other in the heap.
class scratch
{
  public:
    explicit scratch(int64_t numbers)
    {
        if (numbers > kept_numbers) {
            large = at::empty({numbers}, at::kFloat);
            numbers_ = large.mutable_data_ptr<float>();
        } else {
            numbers_ = kept();
        }
    }
    scratch(const scratch &) = delete;
    scratch &operator=(const scratch &) = delete;

    float *data() const
    {
        return numbers_;
    }

  private:
    static constexpr int64_t kept_numbers = 256 << 10; // 1 MiB

    struct alignas(64) line {
        float numbers[16];
    };

    static float *kept()
    {
        // Never freed, as threads that compute stay: nothing is left to be
        // done when one ends, or the program, and libraries are half gone.
        // Pages that are never written to take no memory.
        thread_local line *memory = nullptr;

        if (!memory)
            memory = new line[kept_numbers / 16];
        return memory[0].numbers;
    }

    at::Tensor large;
    float *numbers_;
};

} // namespace th

#endif
