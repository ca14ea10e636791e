/* Devices, threads and CLIP files: see machine.h. */
#include "engine/machine.h"

#include <stdio.h>
#include <unistd.h>

nj_status nj_machine_device(nj_device_kind kind, int index, th_device *out,
                            char *name, size_t size, nj_err *err)
{
    int devices = th_cuda_count();
    bool cuda =
        kind == NJ_DEVICE_CUDA || (kind == NJ_DEVICE_AUTO && devices > 0);

    if (cuda && (index < 0 || index >= devices))
        return nj_fail(err, NJ_E_DEVICE,
                       "no CUDA device %d: %d can be used here", index,
                       devices);
    *out = cuda ? (th_device){TH_CUDA, index} : (th_device){TH_CPU, 0};
    if (cuda)
        snprintf(name, size, "cuda:%d", index);
    else
        snprintf(name, size, "cpu");
    return NJ_OK;
}

void nj_machine_threads(int threads)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (threads <= 0)
        threads = (int)cores;
    th_set_threads(threads > 0 ? threads : 1);
}

nj_dtype nj_machine_dtype(nj_precision *precision, th_device device)
{
    if (*precision == NJ_PRECISION_AUTO)
        *precision =
            device.kind == TH_CUDA ? NJ_PRECISION_FP16 : NJ_PRECISION_FP32;
    return *precision == NJ_PRECISION_FP32   ? NJ_F32
           : *precision == NJ_PRECISION_BF16 ? NJ_BF16
                                             : NJ_F16;
}

nj_status nj_machine_read(nj_weights *weights, const char *path,
                          nj_status status, nj_err *err)
{
    nj_weights_free(weights);
    return status == NJ_OK || !path ? status
                                    : nj_err_add(err, "cannot use '%s'", path);
}

nj_status nj_machine_clip(const char *path, nj_dtype dtype, th_device device,
                          nj_clip **out, nj_err *err)
{
    nj_weights *weights;
    nj_status status = nj_weights_open(path, &weights, err);

    if (status != NJ_OK)
        return status;
    status = nj_clip_new(weights, NULL, dtype, device, out, err);
    return nj_machine_read(weights, path, status, err);
}
