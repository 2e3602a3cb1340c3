# Completion of rs2d-load for bash, made by rs2d-load --completion bash.
_rs2d_load() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at='' words='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case "$at ${COMP_WORDS[i]}" in
		esac
	done
	case $at in
	'')
		case $prev in
		--control) COMPREPLY=($(compgen -W 'fixed embedded comet' -- "$cur")); return ;;
		--challenges) COMPREPLY=($(compgen -W 'auto off light full' -- "$cur")); return ;;
		--check) COMPREPLY=($(compgen -W 'strict systematic none' -- "$cur")); return ;;
		--local|--shards|-n|--comet|--epoch|--missing|--scheme|--metadata|--dir|--open-files|--net|--committee|--key|--admin|--duration|--size|--max-size|--reads|--duplicates|--inconsistent|--concurrency|-c|--rate|--preload|--seed|--op-timeout|--kill|--restart|--wipe|--crash|--slow|--stall|--drip|--refuse|--corrupt|--swap|--forget|--evict|--proxy|--lazy|--partition|--join|--leave|--replace|--hostile|--flood|--slowloris|--heal-interval|--heal-delay|--settle|--check-timeout|--html|--profile) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --local --shards -n --control --comet --epoch --challenges --missing --scheme --metadata --dir --keep --plaintext --open-files --net --committee --key --admin --duration --size --max-size --reads --duplicates --inconsistent --concurrency -c --rate --verify --no-verify --check --preload --seed --op-timeout --kill --restart --wipe --crash --slow --stall --drip --refuse --corrupt --swap --forget --evict --proxy --lazy --partition --join --leave --replace --hostile --flood --slowloris --heal-interval --heal-delay --settle --check-timeout --json --html --profile --version'
		;;
	esac
	if [[ -n $words ]]; then
		COMPREPLY=($(compgen -W "$words" -- "$cur"))
	else
		COMPREPLY=($(compgen -f -- "$cur"))
	fi
}
complete -o filenames -F _rs2d_load rs2d-load
