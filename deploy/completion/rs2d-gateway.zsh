#compdef rs2d-gateway
# Completion of rs2d-gateway for zsh, made by rs2d-gateway --completion zsh.
_rs2d_gateway() {
	local at='' word
	local -a commands flags list
	for word in ${words[2,CURRENT-1]}; do
		case "$at $word" in
		' run') at=' run' ;;
		esac
	done
	case $at in
	'')
		case ${words[CURRENT-1]} in
		esac
		commands=('run:Run a gateway')
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit')
		;;
	' run')
		case ${words[CURRENT-1]} in
		--jwt-algorithm) list=(HS256 HS384 HS512); _describe value list; return ;;
		--log-format) list=(text json); _describe value list; return ;;
		--committee|-C|--ledger|--trusted|--genesis|--key|--listen|--max-blob|--spool-dir|--max-spool|--max-quilt|--max-memory|--cache|--cache-age|--max-bytes|--max-conns|--max-reads|--max-writes|--header-timeout|--stall-timeout|--timeout|--grace|--metrics-listen|--jwt-secret|--jwt-lifetime|--blocked|--allowed-headers|--log-level) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--key:Secret of a client that may write, or of the account that pays for what is stored' '--listen:Address to listen on' '--max-blob:Longest blob that is stored' '--spool-dir:Directory of blobs longer than 4 MiB while they are stored; default that of temporary files' '--max-spool:Bytes of all blobs in that directory; others wait' '--max-quilt:Longest form that is stored as a quilt' '--max-memory:Bytes of blobs and slivers to hold at most' '--cache:Bytes of metadata, blobs and columns of quilts to remember; 0 remembers nothing' '--cache-age:Time after which what is remembered is asked for again: until then a blob may be read although it has expired, or was deleted' '--max-bytes:Bytes of bodies in memory at once, or two forms if that is more; others wait' '--max-conns:Connections at once' '--max-reads:Reads served at once; a quarter more than as many wait, and others are answered 429' '--max-writes:Writes served at once; as many wait, and others are answered 429' '--header-timeout:Time for a request'\''s header' '--stall-timeout:Time for a body to make progress' '--timeout:Time for nodes to store or send a blob, and a second more for each MiB of a long one' '--grace:Time to finish requests before the gateway ends' '--metrics-listen:Address of GET /metrics, for Prometheus; default nowhere' '--jwt-secret:File with the secret of the tokens that let somebody write, each once' '--jwt-algorithm:Algorithm of the tokens'\'' signatures: HS256, HS384 or HS512' '--jwt-lifetime:Time from iat to exp that tokens have exactly; default any' '--blocked:File of the ids of blobs that are not given out and not taken, one a line; the answer is 451' '--allowed-headers:Tags of files and attributes of blobs that become headers of answers; default content-type and the like' '--all-tags:Make headers of all tags of files' '--log-level:Least level to log: debug, info, warn or error' '--log-format:Format of the log, on standard error: text or json')
		;;
	esac
	if [[ $words[CURRENT] == -* ]]; then
		_describe -o flag flags
	elif (( $#commands )); then
		_describe command commands
	else
		_files
	fi
}
_rs2d_gateway "$@"
