// Everything of th.h that depends on libtorch's version sits here.
#include <torch/headeronly/version.h>

#include "torch/th.h"

extern "C" const char *th_version(void)
{
    return TORCH_VERSION;
}
