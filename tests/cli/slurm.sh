#!/usr/bin/env bash
# scripts/slurm/array.sh on a real Slurm: controller and node daemon on this
# machine, everything in a scratch folder. One task is told to end as before its
# time limit, one is requeued by the administrator; both go on where they were,
# and no picture is missing or made twice.
#
#   tests/cli/slurm.sh nightjar_fake [--keep-transcript FILE]
#
# Exit status 77 without Slurm (apt-get install slurm-wlm munge) or without the
# right to start it.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "$1")
transcript=
[ "${2:-}" = --keep-transcript ] && transcript=$(realpath -m "$3")

skip()
{
    echo "slurm.sh: SKIPPED: $*"
    exit 77
}

for tool in slurmctld slurmd munged sbatch squeue scontrol scancel; do
    command -v "$tool" >/dev/null || [ -x "/usr/sbin/$tool" ] ||
        skip "$tool is not here"
done
[ "$(id -u)" = 0 ] || skip "only root may start a node daemon"
PATH=$PATH:/usr/sbin

dir=$(mktemp -d "${TMPDIR:-/tmp}/nightjar-slurm-XXXXXX")
pids=()

clean()
{
    local pid

    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    sleep 1
    for pid in "${pids[@]}"; do
        kill -9 "$pid" 2>/dev/null || true
    done
    rm -rf "$dir"
}
trap clean EXIT

fail()
{
    echo "slurm.sh: $*" >&2
    tail -n 20 "$dir"/*.log "$dir"/out/*.log >&2 2>/dev/null || true
    exit 1
}

# wait_for SECONDS COMMAND...
wait_for()
{
    local end=$((SECONDS + $1))

    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.5
    done
}

# Both at once, so that they are two.
free_ports()
{
    python3 -c 'import socket; both = socket.socket(), socket.socket()
for s in both: s.bind(("", 0))
print(*(s.getsockname()[1] for s in both))'
}

start_slurm()
{
    local host ports

    read -r -a ports < <(free_ports)
    host=$(hostname -s)
    chmod 755 "$dir"
    mkdir -p "$dir/state" "$dir/spool" "$dir/out"
    dd if=/dev/urandom of="$dir/munge.key" bs=1024 count=1 status=none
    chmod 400 "$dir/munge.key"
    munged --foreground --force --key-file "$dir/munge.key" \
        --socket "$dir/munge.socket" --pid-file "$dir/munge.pid" \
        --log-file "$dir/munge.log" --seed-file "$dir/munge.seed" \
        >"$dir/munged.log" 2>&1 &
    pids+=($!)
    wait_for 10 test -S "$dir/munge.socket" || fail "munged does not start"
    export SLURM_CONF=$dir/slurm.conf
    cat >"$SLURM_CONF" <<CONF
ClusterName=nightjar
SlurmctldHost=$host
SlurmctldPort=${ports[0]}
SlurmdPort=${ports[1]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.socket
CredType=cred/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
KillWait=5
SchedulerParameters=sched_interval=1,batch_sched_delay=0,requeue_setup_env_fail
MinJobAge=600
NodeName=$host CPUs=$(nproc) State=UNKNOWN
PartitionName=night Nodes=$host Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
CONF
    slurmctld -D >"$dir/slurmctld.out.log" 2>&1 &
    pids+=($!)
    slurmd -D >"$dir/slurmd.out.log" 2>&1 &
    pids+=($!)
    wait_for 60 node_is_idle || fail "the node does not come up"
}

node_is_idle()
{
    sinfo -h -o %T 2>/dev/null | grep -q idle
}

# note COMMAND...: runs it and shows both, as a terminal would.
note()
{
    printf '$ %s\n' "$*"
    "$@"
}

pictures()
{
    find "$dir/out/pictures" -name '*.png' 2>/dev/null | wc -l
}

# All three tasks have made a picture and wait in their second one.
all_are_held()
{
    [ "$(find "$dir" -maxdepth 1 -name 'go.*' | wc -l)" -eq 3 ]
}

# All tasks are gone from the queue; no answer is not an empty one.
is_over()
{
    local queue

    queue=$(squeue -h -j "$1" -t PD,R,CG,CF,RQ 2>/dev/null) && [ -z "$queue" ]
}

task_runs()
{
    squeue -h -r -j "$1" -t R 2>/dev/null | grep -q .
}

run_array()
{
    local job

    export NIGHTJAR=$program NIGHTJAR_FAKE_STEP_MS=150
    export NIGHTJAR_FAKE_HOLD=$dir/go
    export NIGHTJAR_MODELS=$PWD/models XDG_CACHE_HOME=$dir/cache
    cd "$dir/out"
    note sbatch --array=1-3 --cpus-per-task=1 --time=10 \
        --output="$dir/out/task-%a.log" "$OLDPWD/scripts/slurm/array.sh" \
        "a {red|green|blue} boat" --seeds 1..8 \
        --timestep-respacing ddim4 --unet demo -o pictures | tee "$dir/submitted"
    job=$(sed -nE 's/Submitted batch job ([0-9]+)/\1/p' "$dir/submitted")
    wait_for 120 all_are_held || fail "no pictures come"
    note squeue -r -o "%.8i %.9P %.9j %.2t %.6M %R"
    # What Slurm sends before a time limit, and at a preemption with grace.
    note scancel --batch --signal=TERM "${job}_1"
    wait_for 120 grep -q 'asked to end' task-1.log || fail "nobody was asked"
    # A node that is taken away.
    note scontrol requeue "${job}_2"
    : >"$NIGHTJAR_FAKE_HOLD"
    wait_for 30 grep -q 'queued again' task-1.log ||
        fail "task 1 was not queued again"
    note "$program" status pictures
    # Slurm lets a requeued job wait for a while.
    wait_for 240 is_over "$job" || fail "the array does not end"
    for task in 1 2 3; do
        note cat "task-$task.log"
    done
    note "$program" status pictures
    cd "$OLDPWD"
}

check_all()
{
    local made lines

    made=$(pictures)
    [ "$made" = 24 ] || fail "$made pictures, 24 expected"
    lines=$(cat "$dir"/out/pictures/nightjar.*of3.jsonl |
        grep -cE '"event":"(made|found)"')
    [ "$lines" = 24 ] || fail "$lines pictures were made, 24 expected: one twice"
    [ "$(ls "$dir"/out/pictures/nightjar.*of3.jsonl | wc -l)" = 3 ] ||
        fail "three manifests are expected"
    grep -q 'start 2' "$dir/out/task-1.log" || fail "task 1 did not start again"
    grep -q 'start 2' "$dir/out/task-2.log" || fail "task 2 did not start again"
    "$program" info "$dir"/out/pictures/*.png >/dev/null || fail "broken pictures"
}

start_slurm
(run_array) >"$dir/transcript" 2>&1 || { cat "$dir/transcript"; exit 1; }
sed -i "s|$dir/out/||g; s|$program|nightjar|g; s|$PWD/||g" "$dir/transcript"
cat "$dir/transcript"
check_all
[ -z "$transcript" ] || cp "$dir/transcript" "$transcript"
echo "slurm.sh: 24 pictures, none missing, none twice, two tasks requeued"
