/* Everywhere: inline functions that C, C++ and CUDA kernels share. */
#ifndef NJ_BASE_EVERYWHERE_H
#define NJ_BASE_EVERYWHERE_H

#ifdef __CUDACC__
#define NJ_EVERYWHERE static inline __host__ __device__
#else
#define NJ_EVERYWHERE static inline
#endif

#endif
