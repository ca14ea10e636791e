/* Parts of networks that CUDA plays back as graphs. */
#ifndef NJ_TORCH_TH_RECORDED_H
#define NJ_TORCH_TH_RECORDED_H

#include "torch/th.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A part of a network that is called again and again: on CUDA what it launches
 * is recorded at the second call with inputs of the same shapes, forward and
 * backward, and launched as one graph from then on, which saves the host the
 * time of some thousand launches. Elsewhere, and where it cannot be recorded,
 * it is called as it is. The numbers are the same. It keeps the memory of a
 * whole pass.
 *
 * The block must launch the same each time, be a function of its inputs and of
 * `user` alone, and neither read from nor write to the host. `user` and what it
 * points to must live as long as the recording. A result's gradient is taken
 * before the next call, and once. r NULL: no recording. */
typedef struct th_recording th_recording;
/* For inputs of at most `limit` shapes, those used last. It works in the memory
 * of another one
 * - `beside` it, whose passes never lie between a forward and a backward pass
 * of this one, nor the other way round; or
 * - `around` it, where its passes lie between a forward and a backward pass.
 * Either may be NULL. NULL when memory is short. */
th_recording *th_recording_new(int limit, const th_recording *beside,
                               const th_recording *around);
void th_recording_free(th_recording *r); /* NULL is fine */
/* Forgets what was recorded, and gives its memory back. */
void th_recording_clear(th_recording *r);
th_tensor *th_recorded(th_scope *s, th_recording *r, th_block *block,
                       const void *user, const th_tensor *const *inputs,
                       size_t n);
/* Graphs that exist. */
int64_t th_graphs(void);
/* Whether the memory of recordings is used elsewhere than on CUDA too, where
 * the block then runs on it each time. For tests. */
void th_set_playing_everywhere(bool on);

#ifdef __cplusplus
}
#endif

#endif
