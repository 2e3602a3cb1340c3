# Completion of rs2d-ledger for bash, made by rs2d-ledger --completion bash.
_rs2d_ledger() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at='' words='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case "$at ${COMP_WORDS[i]}" in
		' init') at=' init' ;;
		' run') at=' run' ;;
		' status') at=' status' ;;
		' events') at=' events' ;;
		esac
	done
	case $at in
	'')
		case $prev in
		esac
		words='init run status events'
		[[ $cur == -* ]] && words='--help -h --version'
		;;
	' init')
		case $prev in
		--network|--shards|-n|--scheme|--metadata|--epoch|--max-epochs-ahead|--stake-tolerance|--challenges|--account|--node-money) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --network --shards -n --scheme --metadata --epoch --max-epochs-ahead --stake-tolerance --challenges --account --node-money --json'
		;;
	' run')
		case $prev in
		--log-format) COMPREPLY=($(compgen -W 'text json' -- "$cur")); return ;;
		--genesis|--dir|--listen|--max-conns|--snapshot|--grace|--log-level) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --genesis --dir --listen --max-conns --snapshot --grace --log-level --log-format'
		;;
	' status')
		case $prev in
		--ledger|--wait) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --ledger --json --wait'
		;;
	' events')
		case $prev in
		--ledger|--from) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --ledger --json --from --follow -f'
		;;
	esac
	if [[ -n $words ]]; then
		COMPREPLY=($(compgen -W "$words" -- "$cur"))
	else
		COMPREPLY=($(compgen -f -- "$cur"))
	fi
}
complete -o filenames -F _rs2d_ledger rs2d-ledger
