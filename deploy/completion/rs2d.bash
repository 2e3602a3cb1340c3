# Completion of rs2d for bash, made by rs2d --completion bash.
_rs2d() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at='' words='' i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case "$at ${COMP_WORDS[i]}" in
		' id') at=' id' ;;
		' encode') at=' encode' ;;
		' decode') at=' decode' ;;
		' verify') at=' verify' ;;
		' repair') at=' repair' ;;
		' cat') at=' cat' ;;
		' info') at=' info' ;;
		' put') at=' put' ;;
		' get') at=' get' ;;
		' stat') at=' stat' ;;
		' ls') at=' ls' ;;
		' extend') at=' extend' ;;
		' rm') at=' rm' ;;
		' account') at=' account' ;;
		' account new') at=' account new' ;;
		' account balance') at=' account balance' ;;
		' account transfer') at=' account transfer' ;;
		' ledger') at=' ledger' ;;
		' ledger status') at=' ledger status' ;;
		' ledger events') at=' ledger events' ;;
		' ledger proof') at=' ledger proof' ;;
		' ledger verify') at=' ledger verify' ;;
		' bench') at=' bench' ;;
		' demo') at=' demo' ;;
		esac
	done
	case $at in
	'')
		case $prev in
		esac
		words='id encode decode verify repair cat info put get stat ls extend rm account ledger bench demo'
		[[ $cur == -* ]] && words='--help -h --version'
		;;
	' id')
		case $prev in
		--scheme|--shards|-n|--stream-above) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --scheme --shards -n --stream-above --json'
		;;
	' encode')
		case $prev in
		--scheme|--shards|-n|--stream-above|--output|-o) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --scheme --shards -n --stream-above --json --output -o --force'
		;;
	' decode')
		case $prev in
		--check) COMPREPLY=($(compgen -W 'strict systematic none' -- "$cur")); return ;;
		--output|-o|--memory) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --check --output -o --memory'
		;;
	' verify')
		case $prev in
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json'
		;;
	' repair')
		case $prev in
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json'
		;;
	' cat')
		case $prev in
		--range) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --range'
		;;
	' info')
		case $prev in
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json'
		;;
	' put')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--key|--grace|--certificate|--epochs|--part|--jobs) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory --key --grace --certificate --epochs --permanent --recursive -r --quilt --part --jobs --names'
		;;
	' get')
		case $prev in
		--check) COMPREPLY=($(compgen -W 'strict systematic' -- "$cur")); return ;;
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--range|--output|-o|--piece|--jobs|--file) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory --check --range --output -o --piece --jobs --recursive -r --file'
		;;
	' stat')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory'
		;;
	' ls')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory --long -l --all --quilt --recursive -r'
		;;
	' extend')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--key|--epochs) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory --key --epochs'
		;;
	' rm')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--key) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory --key --recursive -r'
		;;
	' account')
		case $prev in
		esac
		words='new balance transfer'
		[[ $cur == -* ]] && words='--help -h --version'
		;;
	' account new')
		case $prev in
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json'
		;;
	' account balance')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--key) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory --key'
		;;
	' account transfer')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--key) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory --key'
		;;
	' ledger')
		case $prev in
		esac
		words='status events proof verify'
		[[ $cur == -* ]] && words='--help -h --version'
		;;
	' ledger status')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory'
		;;
	' ledger events')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--from) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory --from --follow -f'
		;;
	' ledger proof')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--account|--object) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory --account --object'
		;;
	' ledger verify')
		case $prev in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--max-age|--certificate|--account|--object) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --json --committee -C --ledger --trusted --genesis --timeout --max-memory --max-age --certificate --account --object'
		;;
	' bench')
		case $prev in
		--scheme|--shards|-n|--size|--duration|--workers|--backend) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --scheme --shards -n --json --size --duration --workers --backend'
		;;
	' demo')
		case $prev in
		--scheme|--shards|-n) COMPREPLY=($(compgen -f -- "$cur")); return ;;
		esac
		words=''
		[[ $cur == -* ]] && words='--help -h --version --scheme --shards -n --json'
		;;
	esac
	if [[ -n $words ]]; then
		COMPREPLY=($(compgen -W "$words" -- "$cur"))
	else
		COMPREPLY=($(compgen -f -- "$cur"))
	fi
}
complete -o filenames -F _rs2d rs2d
