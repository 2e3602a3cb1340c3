# Completion of rs2d-node for bash, made by rs2d-node --completion bash.
_rs2d_node() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at='' words='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case "$at ${COMP_WORDS[i]}" in
		' init') at=' init' ;;
		' keygen') at=' keygen' ;;
		' register') at=' register' ;;
		' join') at=' join' ;;
		' leave') at=' leave' ;;
		' update') at=' update' ;;
		' vote') at=' vote' ;;
		' rotate') at=' rotate' ;;
		' slash') at=' slash' ;;
		' doubt') at=' doubt' ;;
		' run') at=' run' ;;
		' status') at=' status' ;;
		esac
	done
	case $at in
	'')
		case $prev in
		esac
		words='init keygen register join leave update vote rotate slash doubt run status'
		[[ $cur == -* ]] && words='--help -h --version'
		;;
	' init')
		case $prev in
		--control) COMPREPLY=($(compgen -W 'fixed embedded comet' -- "$cur")); return ;;
		--nodes|--shards|-n|--network|--scheme|--metadata|--epoch|--epoch-time|--stake-tolerance|--challenges|--ledger|--api-port|--peer-port|--capacity|--host|--port|--admin-port|--address|--client) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --nodes --shards -n --network --scheme --metadata --control --epoch --epoch-time --stake-tolerance --challenges --ledger --api-port --peer-port --capacity --host --port --admin-port --address --client --json'
		;;
	' keygen')
		case $prev in
		--name|--address|--shards) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --name --address --shards'
		;;
	' register')
		case $prev in
		--name|--address|--capacity|--storage-price|--write-price|--commission|--stake) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --name --address --capacity --storage-price --write-price --commission --stake --json'
		;;
	' join')
		case $prev in
		--ledger|--name|--address|--capacity|--storage-price|--write-price|--commission|--stake|--wait) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --ledger --name --address --capacity --storage-price --write-price --commission --stake --wait --json'
		;;
	' leave')
		case $prev in
		--ledger|--wait) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --ledger --wait --json'
		;;
	' update')
		case $prev in
		--ledger|--name|--address|--capacity|--storage-price|--write-price|--commission) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --ledger --name --address --capacity --storage-price --write-price --commission --json'
		;;
	' vote')
		case $prev in
		--ledger|--missing|--error|--strikes|--penalty|--fines-shared|--sender|--receiver|--helpers) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --ledger --missing --error --strikes --penalty --fines-shared --sender --receiver --helpers --abstain --json'
		;;
	' rotate')
		case $prev in
		--ledger|--wait) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --ledger --wait --json'
		;;
	' slash')
		case $prev in
		--ledger) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --ledger --json'
		;;
	' doubt')
		case $prev in
		--ledger) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --ledger --json'
		;;
	' run')
		case $prev in
		--log-format) COMPREPLY=($(compgen -W 'text json' -- "$cur")); return ;;
		--config|-c|--committee|--genesis|--ledger|--key|--store|--listen|--admin|--sdk-listen|--sdk-cert|--sdk-key|--sdk-tokens|--sdk-blocked|--grace|--max-requests|--max-bytes|--max-conns|--header-timeout|--stall-timeout|--min-rate|--workers|--heal-interval|--heal-delay|--heal-batch|--scrub-rate|--scrub-pause|--reserve|--pending-quota|--pending-age|--inline-max|--cache|--log-level) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --config -c --committee --genesis --ledger --key --store --listen --admin --sdk-listen --sdk-cert --sdk-key --sdk-tokens --sdk-blocked --grace --max-requests --max-bytes --max-conns --header-timeout --stall-timeout --min-rate --workers --heal-interval --heal-delay --heal-batch --scrub-rate --scrub-pause --reserve --pending-quota --pending-age --inline-max --cache --log-level --log-format'
		;;
	' status')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--wait) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --committee -C --ledger --trusted --genesis --timeout --wait --json'
		;;
	esac
	if [[ -n $words ]]; then
		COMPREPLY=($(compgen -W "$words" -- "$cur"))
	else
		COMPREPLY=($(compgen -f -- "$cur"))
	fi
}
complete -o filenames -F _rs2d_node rs2d-node
