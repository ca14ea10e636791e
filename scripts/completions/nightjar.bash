# bash completion of nightjar. Written by scripts/generate.sh from the tables of the program.

_nightjar_presets()
{
    "${COMP_WORDS[0]}" presets 2>/dev/null | awk '{print $2}'
}

_nightjar()
{
    local word=${COMP_WORDS[COMP_CWORD]}
    local before=${COMP_WORDS[COMP_CWORD - 1]}
    local options= words=
    local commands="generate plan sheet gallery rank pick upscale index search models presets status info reproduce bench help version"

    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "$commands" -- "$word"))
        return
    fi
    case $before in
    --models-dir)
        COMPREPLY=($(compgen -d -- "$word"))
        return
        ;;
    --preset)
        COMPREPLY=($(compgen -W "$(_nightjar_presets)" -- "$word"))
        return
        ;;
    --unet)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --unet-config)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --clip)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --clip)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --upscaler)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --random-weights)
        COMPREPLY=($(compgen -W "256 512 demo" -- "$word"))
        return
        ;;
    --secondary-model)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --lpips)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --vgg)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --width)
        return
        ;;
    --height)
        return
        ;;
    --timestep-respacing)
        return
        ;;
    --sampler)
        COMPREPLY=($(compgen -W "ddpm ddim plms" -- "$word"))
        return
        ;;
    --plms-order)
        return
        ;;
    --eta)
        return
        ;;
    --skip-timesteps)
        return
        ;;
    --init-image)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --init-fit)
        COMPREPLY=($(compgen -W "crop fit stretch" -- "$word"))
        return
        ;;
    --perlin-mode)
        COMPREPLY=($(compgen -W "mixed color gray" -- "$word"))
        return
        ;;
    --symmetry)
        COMPREPLY=($(compgen -W "none horizontal vertical both" -- "$word"))
        return
        ;;
    --transformation-percent)
        return
        ;;
    --class)
        COMPREPLY=($(compgen -W "none random" -- "$word"))
        return
        ;;
    --clip-guidance-scale)
        return
        ;;
    --tv-scale)
        return
        ;;
    --range-scale)
        return
        ;;
    --sat-scale)
        return
        ;;
    --init-scale)
        return
        ;;
    --cutn)
        return
        ;;
    --cutn-batches)
        return
        ;;
    --cut-pow)
        return
        ;;
    --cutouts)
        COMPREPLY=($(compgen -W "crowson russell disco" -- "$word"))
        return
        ;;
    --cut-overview)
        return
        ;;
    --cut-innercut)
        return
        ;;
    --cut-ic-pow)
        return
        ;;
    --cut-icgray-p)
        return
        ;;
    --augmentations)
        COMPREPLY=($(compgen -W "auto none 2021-09 2021-11" -- "$word"))
        return
        ;;
    --gradient)
        COMPREPLY=($(compgen -W "x x-in" -- "$word"))
        return
        ;;
    --blend)
        COMPREPLY=($(compgen -W "sigma none" -- "$word"))
        return
        ;;
    --clamp-max)
        return
        ;;
    --image-prompt)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --rand-mag)
        return
        ;;
    --compat)
        COMPREPLY=($(compgen -W "none notebook" -- "$word"))
        return
        ;;
    --seed)
        return
        ;;
    --seeds)
        return
        ;;
    -n | --n)
        return
        ;;
    --prompts)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --sweep)
        COMPREPLY=($(compgen -W "preset= width= height= timestep-respacing= sampler= plms-order= eta= skip-timesteps= init-image= init-fit= perlin-init= perlin-mode= clip-denoised= symmetry= transformation-percent= class= clip-guidance-scale= tv-scale= range-scale= sat-scale= init-scale= cutn= cutn-batches= cut-pow= cutouts= cut-overview= cut-innercut= cut-ic-pow= cut-icgray-p= augmentations= gradient= blend= skip-augs= clamp-max= image-prompt= fuzzy-prompt= rand-mag= truncate= compat=" -- "$word"))
        compopt +o filenames -o nospace 2>/dev/null
        return
        ;;
    --order)
        COMPREPLY=($(compgen -W "seed prompt" -- "$word"))
        return
        ;;
    --picks)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --shard)
        COMPREPLY=($(compgen -W "slurm" -- "$word"))
        return
        ;;
    --deadline)
        return
        ;;
    --for)
        return
        ;;
    --min-free-disk)
        return
        ;;
    -o | --out)
        COMPREPLY=($(compgen -d -- "$word"))
        return
        ;;
    -o | --out)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --columns)
        return
        ;;
    --per-page)
        return
        ;;
    --cell)
        return
        ;;
    --caption-lines)
        return
        ;;
    --font)
        COMPREPLY=($(compgen -f -- "$word"))
        return
        ;;
    --save-every)
        return
        ;;
    --video-format)
        COMPREPLY=($(compgen -W "auto mp4 webm webp" -- "$word"))
        return
        ;;
    --video-every)
        return
        ;;
    --video-fps)
        return
        ;;
    --progress)
        COMPREPLY=($(compgen -W "auto bar lines json" -- "$word"))
        return
        ;;
    --top)
        COMPREPLY=($(compgen -W "" -- "$word"))
        return
        ;;
    --by)
        COMPREPLY=($(compgen -W "all prompt" -- "$word"))
        return
        ;;
    --near)
        return
        ;;
    --top)
        COMPREPLY=($(compgen -W "" -- "$word"))
        return
        ;;
    --min-score)
        return
        ;;
    -o | --out)
        COMPREPLY=($(compgen -d -- "$word"))
        return
        ;;
    --export)
        return
        ;;
    --steps)
        return
        ;;
    --batch-size)
        return
        ;;
    --clip-slices)
        return
        ;;
    --device)
        COMPREPLY=($(compgen -W "auto cpu cuda cuda:all" -- "$word"))
        return
        ;;
    --precision)
        COMPREPLY=($(compgen -W "auto fp32 bf16 fp16" -- "$word"))
        return
        ;;
    --memory)
        COMPREPLY=($(compgen -W "auto fast small" -- "$word"))
        return
        ;;
    --threads)
        return
        ;;
    --tile)
        return
        ;;
    --tile-pad)
        return
        ;;
    --format)
        COMPREPLY=($(compgen -W "text man bash zsh fish" -- "$word"))
        return
        ;;
    esac
    case ${COMP_WORDS[1]} in
    generate)
        options="--models-dir --preset --unet --unet-config --clip --secondary-model --lpips --vgg --width --height --timestep-respacing --sampler --plms-order --eta --skip-timesteps --init-image --init-fit --perlin-init --perlin-mode --clip-denoised --symmetry --transformation-percent --class --clip-guidance-scale --tv-scale --range-scale --sat-scale --init-scale --cutn --cutn-batches --cut-pow --cutouts --cut-overview --cut-innercut --cut-ic-pow --cut-icgray-p --augmentations --gradient --blend --skip-augs --clamp-max --image-prompt --fuzzy-prompt --rand-mag --truncate --compat --seed --seeds --n --prompts --sweep --order --shard --deadline --for --min-free-disk --out --gallery --save-every --overwrite --video --video-format --video-every --video-fps --quiet --progress --json --batch-size --clip-slices --device --precision --memory --threads --fast --no-graphs --help --version"
        ;;
    plan)
        options="--models-dir --preset --unet --unet-config --clip --secondary-model --lpips --vgg --width --height --timestep-respacing --sampler --plms-order --eta --skip-timesteps --init-image --init-fit --perlin-init --perlin-mode --clip-denoised --symmetry --transformation-percent --class --clip-guidance-scale --tv-scale --range-scale --sat-scale --init-scale --cutn --cutn-batches --cut-pow --cutouts --cut-overview --cut-innercut --cut-ic-pow --cut-icgray-p --augmentations --gradient --blend --skip-augs --clamp-max --image-prompt --fuzzy-prompt --rand-mag --truncate --compat --seed --seeds --n --prompts --sweep --order --shard --deadline --for --min-free-disk --out --gallery --save-every --overwrite --video --video-format --video-every --video-fps --quiet --progress --json --calibrate --batch-size --clip-slices --device --precision --memory --threads --fast --no-graphs --help --version"
        ;;
    sheet)
        options="--out --columns --per-page --cell --caption-lines --font --all --quiet --json --help --version"
        ;;
    gallery)
        options="--all --quiet --json --help --version"
        ;;
    rank)
        options="--models-dir --clip --quiet --json --top --by --near --csv --names --device --threads --help --version"
        ;;
    pick)
        options="--quiet --json --top --by --out --link --help --version"
        ;;
    upscale)
        options="--models-dir --upscaler --picks --all --quiet --json --out --device --precision --threads --tile --tile-pad --help --version"
        ;;
    index)
        options="--models-dir --clip --quiet --json --export --device --threads --help --version"
        ;;
    search)
        options="--models-dir --clip --quiet --json --names --top --min-score --out --link --device --threads --help --version"
        ;;
    models)
        options="--models-dir --json --help --version"
        ;;
    presets)
        options="--models-dir --json --help --version"
        words=$(_nightjar_presets)
        ;;
    status)
        options="--json --help --version"
        ;;
    info)
        options="--json --help --version"
        ;;
    reproduce)
        options="--models-dir --unet --unet-config --clip --init-image --image-prompt --out --quiet --json --batch-size --clip-slices --device --precision --memory --threads --fast --no-graphs --help --version"
        ;;
    bench)
        options="--models-dir --unet --unet-config --clip --random-weights --width --height --timestep-respacing --sampler --plms-order --eta --clip-guidance-scale --tv-scale --range-scale --sat-scale --cutn --cutn-batches --cut-pow --cutouts --gradient --skip-augs --clamp-max --json --steps --batch-size --clip-slices --device --precision --memory --threads --fast --no-graphs --help --version"
        ;;
    help)
        options="--format --help --version"
        words=$commands
        ;;
    version)
        options="--help --version"
        ;;
    esac
    case $word in
    -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
    *)
        if [ -n "$words" ]; then
            COMPREPLY=($(compgen -W "$words" -- "$word"))
        else
            COMPREPLY=($(compgen -f -- "$word"))
        fi
        ;;
    esac
}
complete -o filenames -F _nightjar nightjar
