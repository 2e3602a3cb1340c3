# Completion of rs2d-gateway for bash, made by rs2d-gateway --completion bash.
_rs2d_gateway() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at='' words='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case "$at ${COMP_WORDS[i]}" in
		' run') at=' run' ;;
		esac
	done
	case $at in
	'')
		case $prev in
		esac
		words='run'
		[[ $cur == -* ]] && words='--help -h --version'
		;;
	' run')
		case $prev in
		--jwt-algorithm) COMPREPLY=($(compgen -W 'HS256 HS384 HS512' -- "$cur")); return ;;
		--log-format) COMPREPLY=($(compgen -W 'text json' -- "$cur")); return ;;
		--committee|-C|--ledger|--trusted|--genesis|--key|--listen|--max-blob|--spool-dir|--max-spool|--max-quilt|--max-memory|--cache|--cache-age|--max-bytes|--max-conns|--max-reads|--max-writes|--header-timeout|--stall-timeout|--timeout|--grace|--metrics-listen|--jwt-secret|--jwt-lifetime|--blocked|--allowed-headers|--log-level) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --committee -C --ledger --trusted --genesis --key --listen --max-blob --spool-dir --max-spool --max-quilt --max-memory --cache --cache-age --max-bytes --max-conns --max-reads --max-writes --header-timeout --stall-timeout --timeout --grace --metrics-listen --jwt-secret --jwt-algorithm --jwt-lifetime --blocked --allowed-headers --all-tags --log-level --log-format'
		;;
	esac
	if [[ -n $words ]]; then
		COMPREPLY=($(compgen -W "$words" -- "$cur"))
	else
		COMPREPLY=($(compgen -f -- "$cur"))
	fi
}
complete -o filenames -F _rs2d_gateway rs2d-gateway
