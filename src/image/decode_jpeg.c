/* JPEG pixels by libjpeg. A warning of libjpeg (data
 * cut short, corrupt blocks filled with grey) counts as an error: half a
 * picture is not what was asked for. */
#include "image/decoders.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

typedef struct errors {
    struct jpeg_error_mgr base; /* first: libjpeg hands out its address */
    jmp_buf jump;
    char text[JMSG_LENGTH_MAX];
} errors;

static void on_exit_error(j_common_ptr info)
{
    errors *e = (errors *)info->err;

    e->base.format_message(info, e->text);
    longjmp(e->jump, 1);
}

static void on_message(j_common_ptr info, int level)
{
    errors *e = (errors *)info->err;

    if (level >= 0)
        return;
    e->base.format_message(info, e->text);
    longjmp(e->jump, 1);
}

static nj_status read_rows(struct jpeg_decompress_struct *info, nj_picture *out)
{
    size_t row = (size_t)out->width * (size_t)out->channels;

    jpeg_start_decompress(info);
    while (info->output_scanline < info->output_height) {
        JSAMPROW next = out->pixels + info->output_scanline * row;

        jpeg_read_scanlines(info, &next, 1);
    }
    jpeg_finish_decompress(info);
    return NJ_OK;
}

static nj_status decode(struct jpeg_decompress_struct *info, errors *e,
                        const nj_decode_job *job, nj_picture *out, nj_err *err)
{
    nj_status status;

    if (setjmp(e->jump))
        return nj_fail(err, NJ_E_FORMAT, "broken JPEG: %s", e->text);
    jpeg_mem_src(info, job->bytes, (unsigned long)job->n);
    jpeg_read_header(info, TRUE);
    if (info->num_components != 1 && info->num_components != 3)
        return nj_fail(err, NJ_E_FORMAT,
                       "JPEG with %d components (CMYK?); grey or RGB expected",
                       info->num_components);
    info->out_color_space = info->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    out->width = (int)info->image_width;
    out->height = (int)info->image_height;
    out->channels = info->num_components;
    status = nj_decode_allocate(job, out, err);
    if (status != NJ_OK || job->header_only)
        return status;
    return read_rows(info, out);
}

nj_status nj_decode_jpeg(const nj_decode_job *job, nj_picture *out, nj_err *err)
{
    struct jpeg_decompress_struct info;
    errors e = {0};
    nj_status status;

    info.err = jpeg_std_error(&e.base);
    e.base.error_exit = on_exit_error;
    e.base.emit_message = on_message;
    if (setjmp(e.jump))
        return nj_fail(err, NJ_E_MEMORY, "no memory for a JPEG");
    jpeg_create_decompress(&info);
    status = decode(&info, &e, job, out, err);
    jpeg_destroy_decompress(&info);
    if (status != NJ_OK)
        return status;
    return nj_picture_orient(out, nj_exif_orientation(job->bytes, job->n), err);
}
