/* Weight files of tests/fixtures/weights: each is read as its index says, or
 * refused with a reason of its own. (tests/parity runs the same folders with
 * limits on memory and time.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/path.h"
#include "weights_expect.h"

#define FOLDER NJ_SOURCE_DIR "/tests/fixtures/weights/"

static nj_status open_file(const char *name, nj_weights **w, nj_err *err)
{
    char *path = nj_path_join(FOLDER, name);
    nj_status status = nj_weights_open(path, w, err);

    free(path);
    return status;
}

static void good_files_hold_what_the_index_says(void **state)
{
    cJSON *index = NULL;
    nj_err err = {0};
    const cJSON *file;
    int wrong = 0;
    int read = 0;

    (void)state;
    assert_int_equal(nj_json_read(FOLDER "good/index.json", &index, &err),
                     NJ_OK);
    cJSON_ArrayForEach(file, nj_json_get(index, "files"))
    {
        char name[256] = "good/";
        nj_weights *w = NULL;

        strncat(name, nj_json_string(file, "file", ""), 200);
        if (open_file(name, &w, &err) == NJ_OK) {
            read++;
            wrong += weights_differences(name, w, nj_json_get(file, "tensors"));
        } else if (strcmp(nj_json_string(file, "expect", ""), "ok") == 0) {
            print_error("%s\n", err.text);
            wrong++;
        }
        nj_weights_free(w);
    }
    cJSON_Delete(index);
    assert_int_equal(wrong, 0);
    assert_true(read >= 24);
}

/* The words that a user gets, one file for each way to be wrong. */
static const char *const refusals[][2] = {
    {"hostile_other/empty.pt", "it is empty"},
    {"hostile_other/page.pt", "an HTML page, a broken download?"},
    {"hostile_other/page_xml.pt", "an XML text"},
    {"hostile_other/json.pt", "a JSON text"},
    {"hostile_other/zeros.pt", "never filled"},
    {"hostile_other/png.pt", "a PNG picture"},
    {"hostile_other/gzip.pt", "a gzip file"},
    {"hostile_other/legacy_tar.pt", "a tar archive"},
    {"hostile_other/legacy_magic.pt", "without torch's magic number"},
    {"hostile_other/legacy_protocol.pt", "protocol version is not 1001"},
    {"hostile_other/legacy_big_endian.pt", "big-endian"},
    {"hostile_other/legacy_cut_data.pt", "'9400' of 6 elements is cut"},
    {"hostile_other/legacy_numel.pt", "has 4611686018427387904 elements"},
    {"hostile_other/legacy_numel_negative.pt", "has -6 elements, 6"},
    {"hostile_other/legacy_key_unknown.pt", "'77' belongs to no tensor"},
    {"hostile_other/legacy_key_missing.pt", "not in the list of keys"},
    {"hostile_other/legacy_call_head.pt", "would call 'os.system'"},
    {"hostile_pickle/call_inst.pt", "make an object of 'os.system'"},
    {"hostile_pickle/call_setstate.pt", "make an object of 'os._wrap"},
    {"hostile_pickle/call_hidden.pt", "would call 'os.system'"},
    {"hostile_pickle/sparse.pt", "_rebuild_sparse_tensor' is not"},
    {"hostile_pickle/memo_long_put.pt", "memo index beyond"},
    {"hostile_pickle/memo_get_missing.pt", "the memo has nothing"},
    {"hostile_pickle/stack_underflow.pt", "too few values"},
    {"hostile_pickle/setitems_no_mark.pt", "no MARK"},
    {"hostile_pickle/odd_items.pt", "a key without a value"},
    {"hostile_pickle/no_stop.pt", "without STOP"},
    {"hostile_pickle/string_8_too_long.pt", "cut off"},
    {"hostile_pickle/unknown_opcode.pt", "opcode 0xff"},
    {"hostile_pickle/deep_list.pt", "nested deeper than 64"},
    {"hostile_pickle/cycle.pt", "in a circle"},
    {"hostile_pickle/storage_short.pt", "claims 12 elements of 4"},
    {"hostile_pickle/numel_short.pt", "needs element 6 of a storage of 6"},
    {"hostile_pickle/stride_wraps_inside.pt", "overflows"},
    {"hostile_pickle/shape_expanded_huge.pt", "4398046511104 elements"},
    {"hostile_pickle/shape_40_dims.pt", "70 dimensions"},
    {"hostile_pickle/storage_unknown_type.pt", "dtype qint32"},
    {"hostile_pickle/storage_missing.pt", "'data/1' of a storage is miss"},
    {"hostile_pickle/key_nul.pt", "NUL"},
    {"hostile_pickle/key_twice.pt", "one key twice"},
    {"hostile_pickle/key_unhashable.pt", "as a key"},
    {"hostile_pickle/root_int.pt", "it holds no tensor"},
    {"hostile_pickle/root_tensor.pt", "a tensor without a name"},
    {"hostile_zip/cut_end.pt", "no end record"},
    {"hostile_zip/hole.pt", "bytes missing?"},
    {"hostile_zip/entry_wraps.pt", "reach past the file's records"},
    {"hostile_zip/offset_wrong.pt", "no header where the directory says"},
    {"hostile_zip/count_low.pt", "4 entries, its end record says 2"},
    {"hostile_zip/disk_1.pt", "several disks"},
    {"hostile_zip/twice.pt", "there twice"},
    {"hostile_zip/crc.pt", "'archive/data/0': its checksum"},
    {"hostile_zip/no_pickle.pt", "without NAME/data.pkl"},
    {"hostile_zip/sizes_differ.pt", "two sizes: 24 and 48"},
    {"hostile_zip/deflate_lie.pt", "inflates to more than the 24 bytes"},
    {"hostile_zip/deflate_bomb.pt", "claim to inflate to 1099511627776"},
    {"hostile_zip/method_99.pt", "method 99"},
    {"hostile_zip/encrypted.pt", "encrypted"},
    {"hostile_zip/byteorder_junk.pt", "neither 'little' nor 'big'"},
    {"hostile_zip/two_roots.pt", "two folders"},
    {"good/zip_complex.pt", "dtype complex64"},
    {"good/zip_uint16.pt", "dtype uint16"},
};

static void refusals_name_the_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        nj_weights *w = NULL;
        nj_err err = {0};

        assert_int_equal(open_file(refusals[i][0], &w, &err), NJ_E_FORMAT);
        if (!strstr(err.text, refusals[i][1]) ||
            !strstr(err.text, refusals[i][0]))
            fail_msg("'%s' says nothing of '%s'", err.text, refusals[i][1]);
    }
}

static void names_start_where_the_weights_do(void **state)
{
    nj_weights *w = NULL;
    nj_err err = {0};

    (void)state;
    assert_int_equal(open_file("good/zip_params_ema.pth", &w, &err), NJ_OK);
    assert_string_equal(nj_weights_find(w, "conv.weight")->path,
                        "[\"params_ema\",\"conv.weight\"]");
    assert_string_equal(nj_weights_find(w, "params.conv.weight")->path,
                        "[\"params\",\"conv.weight\"]");
    nj_weights_free(w);
    assert_int_equal(open_file("good/zip_state_dict.ckpt", &w, &err), NJ_OK);
    assert_non_null(nj_weights_find(w, "model.conv.weight"));
    assert_int_equal(nj_weights_kind(w), NJ_WEIGHTS_TORCH_ZIP);
    nj_weights_free(w);
    assert_int_equal(open_file("good/legacy_params_ema.pth", &w, &err), NJ_OK);
    assert_non_null(nj_weights_find(w, "conv.weight"));
    assert_int_equal(nj_weights_kind(w), NJ_WEIGHTS_TORCH_LEGACY);
    nj_weights_free(w);
    assert_int_equal(open_file("good/jit_traced.pt", &w, &err), NJ_OK);
    assert_string_equal(nj_weights_find(w, "resblocks.0.weight")->path,
                        "[\"resblocks.0.weight\"]");
    assert_int_equal(nj_weights_kind(w), NJ_WEIGHTS_TORCHSCRIPT);
    nj_weights_free(w);
}

static void a_missing_file_is_an_io_error(void **state)
{
    nj_weights *w = NULL;
    nj_err err = {0};

    (void)state;
    assert_int_equal(open_file("none.pt", &w, &err), NJ_E_IO);
    assert_null(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files_hold_what_the_index_says),
        cmocka_unit_test(refusals_name_the_reason),
        cmocka_unit_test(names_start_where_the_weights_do),
        cmocka_unit_test(a_missing_file_is_an_io_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
