// Scopes, handles and sticky errors.
#include <atomic>
#include <cstring>
#include <new>
#include <sstream>
#include <string>

#include "torch/th_internal.hpp"

namespace
{

std::atomic<int64_t> live_handles{0};

// First line of a libtorch message, without its final full stop.
std::string first_line(const char *text)
{
    std::string line(text, strcspn(text, "\n"));

    while (!line.empty() && (line.back() == '.' || line.back() == ' '))
        line.pop_back();
    return line;
}

// " [1,3,8,8] x [4,3,3,3]"
std::string shapes(th::inputs in)
{
    std::ostringstream out;
    const char *before = " ";

    for (const th::input &i : in) {
        if (!i.h)
            continue;
        out << before << '[';
        for (int64_t d = 0; d < i.h->t.dim(); d++)
            out << (d ? "," : "") << i.h->t.size(d);
        out << ']';
        before = " x ";
    }
    return out.str();
}

// Failures of memory that have no exception type of their own in libtorch: the
// host's, and those of the driver and of cuBLAS and cuDNN, which take memory
// besides libtorch's.
nj_status code_of_text(const char *text)
{
    static const struct {
        const char *part;
        nj_status code;
    } known[] = {
        {"DefaultCPUAllocator", NJ_E_MEMORY},
        {"Storage size calculation overflowed", NJ_E_MEMORY},
        {"CUDA error: out of memory", NJ_E_DEVICE_MEMORY},
        {"CUDA driver error: out of memory", NJ_E_DEVICE_MEMORY},
        {"STATUS_ALLOC_FAILED", NJ_E_DEVICE_MEMORY},
        {"ERROR_DEVICE_ALLOCATION_FAILED", NJ_E_DEVICE_MEMORY},
        {"CUDA error", NJ_E_DEVICE},
    };

    for (const auto &k : known)
        if (strstr(text, k.part))
            return k.code;
    return NJ_E_INTERNAL;
}

nj_status code_of(const c10::Error &e)
{
    const nj_status code = code_of_text(e.what_without_backtrace());

    if (dynamic_cast<const c10::OutOfMemoryError *>(&e))
        return NJ_E_DEVICE_MEMORY;
    if (code == NJ_E_INTERNAL &&
        dynamic_cast<const c10::AcceleratorError *>(&e))
        return NJ_E_DEVICE;
    return code;
}

void fail(th_scope *s, nj_status code, const char *name, th::inputs in,
          const char *text) noexcept
{
    try {
        const std::string where = name + shapes(in);

        nj_fail(&s->root->err, code, "%s: %s", where.c_str(),
                first_line(text).c_str());
    } catch (...) {
        nj_fail(&s->root->err, NJ_E_MEMORY, "%s: out of host memory", name);
    }
}

} // namespace

bool th::ready(th_scope *s, const char *name, inputs in) noexcept
{
    int number = 0;

    if (!s || s->root->err.code != NJ_OK)
        return false;
    for (const input &i : in) {
        number++;
        if (i.h || !i.required)
            continue;
        nj_fail(&s->root->err, NJ_E_INTERNAL, "%s: input %d is missing", name,
                number);
        return false;
    }
    return true;
}

th_tensor *th::own(th_scope *s, at::Tensor t)
{
    th_tensor *h = new th_tensor{std::move(t), s->tensors};

    s->tensors = h;
    live_handles++;
    return h;
}

void th::record(th_scope *s, const char *name, inputs in) noexcept
{
    try {
        throw;
    } catch (const failure &e) {
        s->root->err = e.err;
    } catch (const c10::Error &e) {
        fail(s, code_of(e), name, in, e.what_without_backtrace());
    } catch (const std::bad_alloc &) {
        fail(s, NJ_E_MEMORY, name, in, "out of host memory");
    } catch (const std::exception &e) {
        fail(s, NJ_E_INTERNAL, name, in, e.what());
    } catch (...) {
        fail(s, NJ_E_INTERNAL, name, in, "unknown exception");
    }
}

extern "C" int64_t th_live(void)
{
    return live_handles;
}

extern "C" th_scope *th_scope_new(th_scope *parent)
{
    static const bool installed = (th::install(), true);
    th_scope *s = new (std::nothrow) th_scope();

    (void)installed;
    if (s)
        s->root = parent ? parent->root : s;
    return s;
}

extern "C" void th_scope_free(th_scope *s)
{
    if (!s)
        return;
    while (s->tensors) {
        th_tensor *h = s->tensors;

        s->tensors = h->next;
        delete h;
        live_handles--;
    }
    delete s;
}

extern "C" nj_status th_scope_check(const th_scope *s, nj_err *err)
{
    if (!s)
        return nj_fail(err, NJ_E_MEMORY, "out of host memory");
    if (err && s->root->err.code != NJ_OK)
        *err = s->root->err;
    return s->root->err.code;
}

extern "C" nj_status th_failure_of(const char *message)
{
    return code_of_text(message);
}

extern "C" void th_scope_clear_error(th_scope *s)
{
    if (s)
        s->root->err = nj_err{};
}

extern "C" void th_scope_fail(th_scope *s, nj_status code, const char *text)
{
    if (s && s->root->err.code == NJ_OK)
        nj_fail(&s->root->err, code, "%s", text);
}

extern "C" th_tensor *th_keep(th_scope *outer, const th_tensor *t)
{
    return th::op(outer, "keep", {t}, [&] { return t->t; });
}
