// Separable maps on CUDA, one launch for all pictures of a step and one for
// their gradient; bands.hpp says what they compute, cpu_bands.cpp is the plain
// twin. A thread makes one number and reads what it needs: bands are a few
// taps wide and neighbours read the same pixels, so the caches serve them; no
// intermediate is stored and nothing is added to memory by two threads.
#include <cuda_runtime_api.h>

#include "torch/bands.hpp"

namespace
{

// Output (i,j) of picture r's maps on one plane [rows.inputs,cols.inputs].
__device__ float mapped(const th::band &rows, const th::band &cols, int64_t r,
                        int64_t i, int64_t j, const float *plane)
{
    const int64_t row = r * rows.outputs + i, col = r * cols.outputs + j;
    const float *wr = rows.weights + row * rows.taps;
    const float *wc = cols.weights + col * cols.taps;
    const float *at = plane + rows.first[row] * cols.inputs + cols.first[col];
    float sum = 0;

    for (int64_t a = 0; a < rows.taps; a++, at += cols.inputs) {
        float part = 0;

        if (wr[a] == 0)
            continue;
        for (int64_t b = 0; b < cols.taps; b++)
            part += wc[b] * at[b];
        sum += wr[a] * part;
    }
    return sum;
}

// A thread for each column, a row for each y of the grid, planes (picture and
// channel) along z.
struct place {
    int64_t i, j;
};

__device__ place place_of_thread()
{
    return {int64_t(blockIdx.y) * blockDim.y + threadIdx.y,
            int64_t(blockIdx.x) * blockDim.x + threadIdx.x};
}

__global__ void forward(th::band rows, th::band cols, th::band_sizes n,
                        const float *x, float *y)
{
    const place at = place_of_thread();
    const int64_t in = rows.inputs * cols.inputs;
    const int64_t out = rows.outputs * cols.outputs;

    if (at.i >= rows.outputs || at.j >= cols.outputs)
        return;
    for (int64_t p = blockIdx.z; p < n.pictures * n.channels; p += gridDim.z) {
        const int64_t r = p / n.channels, c = p % n.channels;
        const float *plane = x + (r % n.images * n.channels + c) * in;

        y[p * out + at.i * cols.outputs + at.j] =
            mapped(rows, cols, r, at.i, at.j, plane);
    }
}

__global__ void backward(th::band rows, th::band cols, th::band_sizes n,
                         const float *dy, float *dx)
{
    const place at = place_of_thread();
    const int64_t in = rows.inputs * cols.inputs;
    const int64_t out = rows.outputs * cols.outputs;

    if (at.i >= rows.outputs || at.j >= cols.outputs)
        return;
    for (int64_t p = blockIdx.z; p < n.images * n.channels; p += gridDim.z) {
        const int64_t b = p / n.channels, c = p % n.channels;
        float sum = 0;

        for (int64_t r = b; r < n.pictures; r += n.images)
            sum += mapped(rows, cols, r, at.i, at.j,
                          dy + (r * n.channels + c) * in);
        dx[p * out + at.i * cols.outputs + at.j] = sum;
    }
}

unsigned int parts(int64_t n, unsigned int size)
{
    return static_cast<unsigned int>((n + size - 1) / size);
}

// Blocks for results of one plane's size; planes beyond the grid's limit are
// taken in turns.
dim3 grid_of(const th::band &rows, const th::band &cols, int64_t planes,
             dim3 block)
{
    const int64_t most = 65535;

    return dim3(parts(cols.outputs, block.x), parts(rows.outputs, block.y),
                static_cast<unsigned int>(planes < most ? planes : most));
}

constexpr unsigned int block_width = 32, block_height = 8;

} // namespace

int th::bands_forward_cuda(const band &rows, const band &cols,
                           const band_sizes &n, const float *x, float *y,
                           void *stream)
{
    const dim3 block(block_width, block_height);

    forward<<<grid_of(rows, cols, n.pictures * n.channels, block), block, 0,
              static_cast<cudaStream_t>(stream)>>>(rows, cols, n, x, y);
    return cudaGetLastError();
}

int th::bands_backward_cuda(const band &rows, const band &cols,
                            const band_sizes &n, const float *dy, float *dx,
                            void *stream)
{
    const dim3 block(block_width, block_height);

    backward<<<grid_of(rows, cols, n.images * n.channels, block), block, 0,
               static_cast<cudaStream_t>(stream)>>>(rows, cols, n, dy, dx);
    return cudaGetLastError();
}
