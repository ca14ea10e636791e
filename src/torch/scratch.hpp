// Memory that a thread computes in, and forgets.
#ifndef NJ_TORCH_SCRATCH_HPP
#define NJ_TORCH_SCRATCH_HPP

#include <cstdlib>
#include <new>
#include <pthread.h>

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

    static pthread_key_t make_key()
    {
        pthread_key_t key;

        if (pthread_key_create(&key, free) != 0)
            throw std::bad_alloc();
        return key;
    }

    // Freed when its thread ends, but not at the program's end, when libraries
    // are half gone: a thread_local object would be. Pages that are never
    // written to take no memory.
    static float *kept()
    {
        static const pthread_key_t key = make_key();
        void *memory = pthread_getspecific(key);

        if (!memory) {
            memory = std::aligned_alloc(64, kept_numbers * sizeof(float));
            if (!memory || pthread_setspecific(key, memory) != 0) {
                free(memory);
                throw std::bad_alloc();
            }
        }
        return static_cast<float *>(memory);
    }

    at::Tensor large;
    float *numbers_;
};

} // namespace th

#endif
