// The driver of cpu_product.hpp: prepares weights and cuts the work into parts
// for threads.
#include <algorithm>
#include <mutex>

#include <ATen/Parallel.h>

#include "torch/cpu_product.hpp"
#include "torch/product.hpp"
#include "torch/scratch.hpp"

namespace
{

constexpr int64_t columns = 32;        // of a panel
constexpr int64_t least_channels = 16; // fewer are filled up with zeros
constexpr int64_t most_rows = 126;     // of a part: 9 steps of 14, or 42 of 3

// Multiplications that are worth another thread.
constexpr int64_t worth_a_thread = 1 << 18;

// ---- prepared weights

// The large networks' weights would double their memory; what is small enough
// to be kept gains most by it.
constexpr size_t keep_each = size_t{8} << 20, keep_all = size_t{128} << 20;

struct kept {
    c10::weak_intrusive_ptr<c10::StorageImpl> owner;
    const void *data;
    int64_t version;
    int kind;
    at::Tensor made;
};

struct keeper {
    std::mutex lock;
    std::vector<kept> all;
    size_t bytes = 0;

    void drop_orphans()
    {
        const auto gone = [](const kept &k) { return k.owner.expired(); };

        all.erase(std::remove_if(all.begin(), all.end(), gone), all.end());
        bytes = 0;
        for (const kept &k : all)
            bytes += k.made.nbytes();
    }
    const at::Tensor *find(const at::Tensor &weight, int kind) const
    {
        for (const kept &k : all)
            if (k.data == weight.const_data_ptr() && k.kind == kind &&
                k.version == weight._version() && !k.owner.expired())
                return &k.made;
        return nullptr;
    }
};

// Never destroyed: tensors may outlive static storage.
keeper &prepared_weights()
{
    static keeper *const k = new keeper;

    return *k;
}

// ---- one product

struct job {
    th::gathered shape; // but first and count
    th::product_weight weight;
    int64_t total; // rows
    const void *x;
    const float *bias;
    const void *more;
    void *y;

    int64_t k() const
    {
        return weight.taps * shape.words;
    }
    int64_t n() const
    {
        return weight.turned ? weight.inputs : weight.outputs;
    }
};

at::Tensor pack(const job &j)
{
    at::Tensor u = at::empty({j.n() * j.k()}, at::kFloat);
    float *const to = u.mutable_data_ptr<float>();

    at::parallel_for(0, j.n() / columns, 1, [&](int64_t first, int64_t last) {
        for (int64_t p = first; p < last; p++)
            th::product()->pack(&j.weight, p * columns,
                                to + p * columns * j.k());
    });
    return u;
}

// What threads share out evenly: a step of `multiply` times a panel of columns
// each, a step's panels one after another.
struct units {
    int64_t total, steps, panels;

    explicit units(const job &j)
        : total(j.total),
          steps((total + th::product()->rows - 1) / th::product()->rows),
          panels(j.n() / columns)
    {
    }
    int64_t row(int64_t step) const
    {
        return step * total / steps;
    }
};

// Some rows and some columns.
struct part {
    int64_t first, count, column, end;
};

// Memory of one thread.
struct workbench {
    th::scratch memory;
    float *v, *m;
    th::gathered rows;

    explicit workbench(const job &j)
        : memory((j.k() + j.n()) * std::min(most_rows, j.total)),
          v(memory.data()), m(v + j.k() * std::min(most_rows, j.total)),
          rows(j.shape)
    {
    }
};

void compute(const job &j, const float *u, const part &p, workbench *w)
{
    const th::product_kernels &kernels = *th::product();
    const bool bf16 = j.weight.bf16;
    const int64_t n = p.end - p.column;

    w->rows.first = p.first;
    w->rows.count = p.count;
    kernels.gather(&w->rows, j.x, w->v);
    (bf16 ? kernels.multiply_bf16 : kernels.multiply)(
        p.count, j.k(), n, w->v, u + p.column * j.k(), w->m);
    const th::scattered to = {p.count, n, j.n(), bf16};
    const int64_t at = (p.first * j.n() + p.column) * (bf16 ? 2 : 4);

    kernels.scatter(&to, w->m, j.bias ? j.bias + p.column : nullptr,
                    j.more ? static_cast<const char *>(j.more) + at : nullptr,
                    static_cast<char *>(j.y) + at);
}

// The largest part that units first to last - 1 begin with: columns of one
// step, or whole rows. *taken: its units.
part next_part(const units &all, int64_t first, int64_t last, int64_t *taken)
{
    const int64_t step = first / all.panels, column = first % all.panels;
    const int64_t whole = (last - first) / all.panels;
    const int64_t from = all.row(step);

    if (column > 0 || whole == 0) {
        const int64_t end = std::min(all.panels, column + last - first);

        *taken = end - column;
        return {from, all.row(step + 1) - from, column * columns,
                end * columns};
    }
    const int64_t most = most_rows / th::product()->rows;
    const int64_t parts = (whole + most - 1) / most;
    const int64_t steps = (whole + parts - 1) / parts;

    *taken = steps * all.panels;
    return {from, all.row(step + steps) - from, 0, all.panels * columns};
}

// w is `weight`, or a copy of it.
void run(const job &j, const at::Tensor &w, const at::Tensor &weight)
{
    const at::Tensor u =
        w.is_same(weight)
            ? th::prepared(w, j.weight.turned, [&] { return pack(j); })
            : pack(j);
    const float *const from = u.const_data_ptr<float>();
    const units all(j);
    const int64_t few =
        worth_a_thread / (th::product()->rows * columns * j.k()) + 1;

    at::parallel_for(0, all.steps * all.panels, few,
                     [&](int64_t first, int64_t last) {
                         workbench bench(j);
                         int64_t taken;

                         for (; first < last; first += taken) {
                             const part p = next_part(all, first, last, &taken);

                             compute(j, from, p, &bench);
                         }
                     });
}

// The weight as [O][taps][I] in memory.
at::Tensor by_output(const at::Tensor &w)
{
    return w.dim() == 4 ? w.contiguous(at::MemoryFormat::ChannelsLast)
                        : w.contiguous();
}

job job_of(const at::Tensor &w, const at::Tensor &bias, bool turned)
{
    job j = {};

    j.weight.data = w.const_data_ptr();
    j.weight.outputs = w.size(0);
    j.weight.inputs = w.size(1);
    j.weight.taps = w.dim() == 4 ? w.size(2) * w.size(3) : 1;
    j.weight.turned = turned;
    j.weight.bf16 = w.scalar_type() == at::kBFloat16;
    j.shape.words = (turned ? w.size(0) : w.size(1)) / (j.weight.bf16 ? 2 : 1);
    j.bias = bias.defined() ? bias.const_data_ptr<float>() : nullptr;
    return j;
}

} // namespace

at::Tensor th::filled(const at::Tensor &t, int64_t dim, int64_t unit)
{
    const int64_t last = t.dim() - 1;
    std::vector<int64_t> more(static_cast<size_t>(2 * (last - dim + 1)), 0);

    more.back() = (unit - t.size(dim) % unit) % unit;
    return more.back() > 0 ? at::constant_pad_nd(t, more) : t;
}

at::Tensor th::as_float(const at::Tensor &bias)
{
    return bias.defined() ? bias.to(at::kFloat).contiguous() : bias;
}

at::Tensor th::prepared(const at::Tensor &weight, int kind,
                        const std::function<at::Tensor()> &make)
{
    keeper &k = prepared_weights();
    at::Tensor made;

    {
        const std::lock_guard<std::mutex> held(k.lock);
        const at::Tensor *const found = k.find(weight, kind);

        if (found)
            return *found;
    }
    made = make();
    if (made.nbytes() > keep_each)
        return made;
    const std::lock_guard<std::mutex> held(k.lock);

    if (k.bytes + made.nbytes() > keep_all)
        k.drop_orphans();
    if (k.bytes + made.nbytes() <= keep_all) {
        k.bytes += made.nbytes();
        k.all.push_back({weight.storage().getWeakStorageImpl(),
                         weight.const_data_ptr(), weight._version(), kind,
                         made});
    }
    return made;
}

bool th::product_fits(const at::Tensor &x, const at::Tensor &weight,
                      bool turned)
{
    const at::ScalarType type = x.scalar_type();
    const int64_t k = weight.size(turned ? 0 : 1),
                  n = weight.size(turned ? 1 : 0);
    const bool bf16 = type == at::kBFloat16;

    return product() && x.is_cpu() && weight.scalar_type() == type &&
           (type == at::kFloat || (bf16 && product()->bf16)) && x.numel() > 0 &&
           n % columns == 0 && k % (bf16 ? 32 : 16) == 0 &&
           weight.size(1) % (bf16 ? 32 : 16) == 0;
}

at::Tensor th::linear_product(const at::Tensor &x, const at::Tensor &weight,
                              const at::Tensor &bias, bool turned)
{
    const at::Tensor in = x.contiguous(), w = by_output(weight),
                     add = as_float(bias);
    job j = job_of(w, add, turned);
    std::vector<int64_t> shape = in.sizes().vec();

    TORCH_CHECK(shape.back() == weight.size(turned ? 0 : 1),
                "x and weight do not fit");
    shape.back() = j.n();
    at::Tensor y = at::empty(shape, in.options());

    j.total = in.numel() / in.size(-1);
    j.shape.height = j.shape.out_height = j.total;
    j.shape.width = j.shape.out_width = 1;
    j.shape.side = j.shape.stride = 1;
    j.x = in.const_data_ptr();
    j.y = y.mutable_data_ptr();
    run(j, w, weight);
    return y;
}

at::Tensor th::conv_product(const at::Tensor &x, const at::Tensor &weight,
                            const at::Tensor &bias, const at::Tensor &more,
                            int64_t stride, bool turned)
{
    const int64_t unit = x.scalar_type() == at::kBFloat16 ? 32 : 16;
    const at::Tensor in =
        filled(x, 1, unit).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor w = by_output(filled(weight, turned ? 0 : 1, unit)),
                     add = as_float(bias);
    job j = job_of(w, add, turned);

    j.shape.height = in.size(2);
    j.shape.width = in.size(3);
    j.shape.out_height = (in.size(2) - 1) / stride + 1;
    j.shape.out_width = (in.size(3) - 1) / stride + 1;
    j.shape.side = w.size(2);
    j.shape.stride = stride;
    j.shape.padding = w.size(2) / 2;
    j.total = in.size(0) * j.shape.out_height * j.shape.out_width;
    at::Tensor y =
        at::empty({in.size(0), j.n(), j.shape.out_height, j.shape.out_width},
                  in.options(), at::MemoryFormat::ChannelsLast);

    j.x = in.const_data_ptr();
    j.more = more.defined() ? more.const_data_ptr() : nullptr;
    j.y = y.mutable_data_ptr();
    run(j, w, weight);
    return y;
}
