/* WebP pixels by libwebp; still pictures only. */
#include "image/decoders.h"

#include <webp/decode.h>
#include <webp/demux.h>

static int orientation_of(const nj_decode_job *job)
{
    const WebPData data = {job->bytes, job->n};
    WebPDemuxer *demuxer = WebPDemux(&data);
    WebPChunkIterator chunk;
    int orientation = 1;

    if (demuxer && WebPDemuxGetChunk(demuxer, "EXIF", 1, &chunk)) {
        orientation =
            nj_exif_block_orientation(chunk.chunk.bytes, chunk.chunk.size);
        WebPDemuxReleaseChunkIterator(&chunk);
    }
    WebPDemuxDelete(demuxer);
    return orientation;
}

static nj_status decode(const nj_decode_job *job, nj_picture *out, nj_err *err)
{
    WebPBitstreamFeatures features;
    size_t bytes;
    int row;
    nj_status status;
    const uint8_t *done;

    if (WebPGetFeatures(job->bytes, job->n, &features) != VP8_STATUS_OK)
        return nj_fail(err, NJ_E_FORMAT, "broken WebP: bad header");
    if (features.has_animation)
        return nj_fail(err, NJ_E_FORMAT,
                       "animated WebP; a still picture expected");
    out->width = features.width;
    out->height = features.height;
    out->channels = features.has_alpha ? 4 : 3;
    status = nj_decode_allocate(job, out, err);
    if (status != NJ_OK || job->header_only)
        return status;
    row = out->width * out->channels;
    bytes = (size_t)row * (size_t)out->height;
    done = features.has_alpha
               ? WebPDecodeRGBAInto(job->bytes, job->n, out->pixels, bytes, row)
               : WebPDecodeRGBInto(job->bytes, job->n, out->pixels, bytes, row);
    if (!done)
        return nj_fail(err, NJ_E_FORMAT, "broken WebP: cut short or damaged");
    return NJ_OK;
}

nj_status nj_decode_webp(const nj_decode_job *job, nj_picture *out, nj_err *err)
{
    nj_status status = decode(job, out, err);

    if (status != NJ_OK)
        return status;
    return nj_picture_orient(out, orientation_of(job), err);
}
