#compdef rs2d-ledger
# Completion of rs2d-ledger for zsh, made by rs2d-ledger --completion zsh.
_rs2d_ledger() {
	local at='' word
	local -a commands flags list
	for word in ${words[2,CURRENT-1]}; do
		case "$at $word" in
		' init') at=' init' ;;
		' run') at=' run' ;;
		' status') at=' status' ;;
		' events') at=' events' ;;
		esac
	done
	case $at in
	'')
		case ${words[CURRENT-1]} in
		esac
		commands=('init:Write how a ledger begins, from the registrations of its first nodes' 'run:Run a ledger' 'status:Tell how a ledger is' 'events:Print what happened on a ledger')
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit')
		;;
	' init')
		case ${words[CURRENT-1]} in
		--network|--shards|-n|--scheme|--metadata|--epoch|--max-epochs-ahead|--stake-tolerance|--challenges|--account|--node-money) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--network:Name of the network, which tells it from others' '--shards:Number of shards, which the nodes share by their stake' '-n:Number of shards, which the nodes share by their stake' '--scheme:Hash of the commitments: blake3, or walrus for the ids of Walrus mainnet' '--metadata:What nodes keep of the metadata of blobs: full, all of it; or coded, a part, of which readers gather f+1: with 1000 shards of as many nodes 1 MB for each blob instead of 66 MB' '--epoch:Duration of an epoch' '--max-epochs-ahead:Epochs for which storage can be reserved' '--stake-tolerance:By how much stake may get out of proportion to shards before a shard moves, in basis points, up to 10000: 500 keeps shards where they are when stake jitters by 5 percent' '--challenges:Whether nodes have to prove in each epoch what they store, and are paid for it only then: off, light (some blobs, drawn at random) or full' '--account:Money that somebody has at first' '--node-money:Money that the account which governs a node has at first, for the fees of what the node tells the ledger, unless --account says how much' '--json:Print one JSON object instead of text')
		;;
	' run')
		case ${words[CURRENT-1]} in
		--log-format) list=(text json); _describe value list; return ;;
		--genesis|--dir|--listen|--max-conns|--snapshot|--grace|--log-level) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--genesis:How the ledger begins' '--dir:Directory of the log' '--listen:Address to listen on' '--max-conns:Connections at once; one network address may have a quarter of them' '--snapshot:Blocks between two snapshots, from which the ledger starts again' '--grace:Time to finish requests before the ledger ends' '--log-level:Least level to log: debug, info, warn or error' '--log-format:Format of the log, on standard error: text or json')
		;;
	' status')
		case ${words[CURRENT-1]} in
		--ledger|--wait) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--ledger:Where the ledger is' '--json:Print JSON instead of text' '--wait:Wait so long for the ledger to answer')
		;;
	' events')
		case ${words[CURRENT-1]} in
		--ledger|--from) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--ledger:Where the ledger is' '--json:Print JSON instead of text' '--from:Height of the first block to print events of; default the first one' '--follow:Wait for more, until interrupted' '-f:Wait for more, until interrupted')
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
_rs2d_ledger "$@"
