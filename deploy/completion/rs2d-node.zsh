#compdef rs2d-node
# Completion of rs2d-node for zsh, made by rs2d-node --completion zsh.
_rs2d_node() {
	local at='' word
	local -a commands flags list
	for word in ${words[2,CURRENT-1]}; do
		case "$at $word" in
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
		case ${words[CURRENT-1]} in
		esac
		commands=('init:Make a committee: keys, certificates and configurations, in a directory' 'keygen:Make the key of one node or client' 'register:Print the registration of a node for the genesis of a ledger' 'join:Register a node on a running ledger, and stake with it' 'leave:Withdraw a node'\''s stake, and wait until nobody needs it' 'update:Give a node another address or name on the ledger, or let it ask and offer something else' 'vote:Vote on the numbers of challenges and fines' 'rotate:Give a node a new key, from the next epoch on' 'slash:Vote that the commission of a node is burned which has done wrong' 'doubt:Say that blobs cannot be read though nodes pass challenges' 'run:Run a node' 'status:Ask the nodes of a committee how they are')
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit')
		;;
	' init')
		case ${words[CURRENT-1]} in
		--control) list=(fixed embedded comet); _describe value list; return ;;
		--nodes|--shards|-n|--network|--scheme|--metadata|--epoch|--epoch-time|--stake-tolerance|--challenges|--ledger|--api-port|--peer-port|--capacity|--host|--port|--admin-port|--address|--client) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--nodes:Number of nodes' '--shards:Number of shards, which the nodes share' '-n:Number of shards, which the nodes share' '--network:Name of the network, which tells it from others' '--scheme:Hash of the commitments: blake3, or walrus for the ids of Walrus mainnet' '--metadata:What nodes keep of the metadata of blobs: full, all of it; or coded, a part, of which readers gather f+1: with 1000 shards of as many nodes 1 MB for each blob instead of 66 MB' '--control:Control plane: fixed, a file of the committee, in which blobs live until they are removed; embedded, a ledger in one process, rs2d-ledger run, on which storage is paid for by epochs; or comet, the same ledger on validators, rs2d-comet run, one beside each node' '--epoch:Number of the committee'\''s epoch, where there is no ledger' '--epoch-time:Duration of the ledger'\''s epochs' '--stake-tolerance:With a ledger, by how much stake may get out of proportion to shards before a shard moves, in basis points, up to 10000: 500 keeps shards where they are when stake jitters by 5 percent' '--challenges:With a ledger, whether nodes have to prove in each epoch what they store, and are paid for it only then: off, light (some blobs, drawn at random) or full' '--ledger:Where nodes reach the ledger of --control embedded' '--api-port:With --control comet, port of the first node'\''s ledger API on 127.0.0.1; the others have the next ones' '--peer-port:With --control comet, port at which the first validator is reached by others, on the host of its node; the others have the next ones' '--capacity:Bytes that each node says it can store, for the ledger' '--host:Host of all nodes' '--port:Port of the first node; the others have the next ones' '--admin-port:Port of the first node'\''s metrics and profiles on 127.0.0.1; the others have the next ones' '--address:Address of a node, in place of --nodes, --host and --port' '--client:Names of clients that may write' '--json:Print one JSON object instead of text')
		;;
	' keygen')
		case ${words[CURRENT-1]} in
		--name|--address|--shards) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--name:Name in the committee'\''s file; without it the file'\''s name' '--address:Make a node, which others reach here' '--shards:Shards that the node owns, such as 0-24')
		;;
	' register')
		case ${words[CURRENT-1]} in
		--name|--address|--capacity|--storage-price|--write-price|--commission|--stake) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--name:Name of the node' '--address:Address by which others reach it' '--capacity:Bytes that the node says it can store' '--storage-price:What it asks for a MiB and epoch' '--write-price:What it asks for writing a MiB' '--commission:The operator'\''s share of what stake with the node earns, in basis points, up to 10000' '--stake:Stake that the node has from the beginning' '--json:Print one JSON object instead of an entry of a file in TOML')
		;;
	' join')
		case ${words[CURRENT-1]} in
		--ledger|--name|--address|--capacity|--storage-price|--write-price|--commission|--stake|--wait) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--ledger:Where the ledger is' '--name:Name of the node' '--address:Address by which others reach it' '--capacity:Bytes that the node says it can store' '--storage-price:What it asks for a MiB and epoch' '--write-price:What it asks for writing a MiB' '--commission:The operator'\''s share of what stake with the node earns, in basis points, up to 10000' '--stake:Stake, of the money of the node'\''s account' '--wait:Wait so long until the node owns shards and has them, and show how far it is' '--json:Print one JSON object instead of text')
		;;
	' leave')
		case ${words[CURRENT-1]} in
		--ledger|--wait) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--ledger:Where the ledger is' '--wait:Wait so long until nobody needs the node any more, and show how far it is' '--json:Print one JSON object instead of text')
		;;
	' update')
		case ${words[CURRENT-1]} in
		--ledger|--name|--address|--capacity|--storage-price|--write-price|--commission) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--ledger:Where the ledger is' '--name:Another name' '--address:Another address by which others reach the node' '--capacity:Bytes that the node says it can store' '--storage-price:What it asks for a MiB and epoch' '--write-price:What it asks for writing a MiB' '--commission:The operator'\''s share of what stake with the node earns, in basis points, up to 10000' '--json:Print one JSON object instead of text')
		;;
	' vote')
		case ${words[CURRENT-1]} in
		--ledger|--missing|--error|--strikes|--penalty|--fines-shared|--sender|--receiver|--helpers) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--ledger:Where the ledger is' '--missing:Share of the blobs, in basis points, without which light challenges find a node' '--error:The probability that they do not is at most 10^-E' '--strikes:Challenges failed one after the other, from which on stake is slashed' '--penalty:What is slashed of the stake, in basis points' '--fines-shared:What of that goes to the next epoch'\''s rewards, in basis points; the rest is burned' '--sender:What is slashed of the stake with a node that does not hand its shards over' '--receiver:What is slashed of the stake with a node that does not get its shards' '--helpers:What of these fines goes to those whom shards are recovered from; the rest is burned' '--abstain:Take all former votes of the node back' '--json:Print one JSON object instead of text')
		;;
	' rotate')
		case ${words[CURRENT-1]} in
		--ledger|--wait) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--ledger:Where the ledger is' '--wait:Wait so long until keys can be changed, until the new one is in use and nobody needs the old one, and show how far it is' '--json:Print one JSON object instead of text')
		;;
	' slash')
		case ${words[CURRENT-1]} in
		--ledger) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--ledger:Where the ledger is' '--json:Print one JSON object instead of text')
		;;
	' doubt')
		case ${words[CURRENT-1]} in
		--ledger) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--ledger:Where the ledger is' '--json:Print one JSON object instead of text')
		;;
	' run')
		case ${words[CURRENT-1]} in
		--log-format) list=(text json); _describe value list; return ;;
		--config|-c|--committee|--genesis|--ledger|--key|--store|--listen|--admin|--sdk-listen|--sdk-cert|--sdk-key|--sdk-tokens|--sdk-blocked|--grace|--max-requests|--max-bytes|--max-conns|--header-timeout|--stall-timeout|--min-rate|--workers|--heal-interval|--heal-delay|--heal-batch|--scrub-rate|--scrub-pause|--reserve|--pending-quota|--pending-age|--inline-max|--cache|--log-level) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--config:TOML file of these settings, with _ for - in their names' '-c:TOML file of these settings, with _ for - in their names' '--committee:The committee'\''s file, where there is no ledger' '--genesis:How the ledger began, if there is one' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--key:The node'\''s secret, or its secrets while rs2d-node rotate has it use another one' '--store:Directory to store blobs in' '--listen:Address to listen on, or several with commas between them; default that of the node in its committee' '--admin:Address of metrics, profiles and health' '--sdk-listen:Address of the API that Walrus'\''s SDKs know, in a network of the scheme walrus' '--sdk-cert:Certificate that this API shows, in PEM, with those it is signed by' '--sdk-key:Key of the certificate, in PEM' '--sdk-tokens:File of the tokens that let somebody write by this API, one a line, where there is no ledger' '--sdk-blocked:File of the ids of blobs that are not given out and not taken by this API, one a line; the answer is 451' '--grace:Time to finish requests before the node ends' '--max-requests:Requests served at once; more are answered 503' '--max-bytes:Bytes of bodies held at once; more are answered 503' '--max-conns:Connections at once' '--header-timeout:Time for a request'\''s header' '--stall-timeout:Time for a body to make progress' '--min-rate:Least bytes a second of a body' '--workers:Processors that code and hash for one request; 0 is all' '--heal-interval:Time between two looks at what other nodes have and this one lacks' '--heal-delay:Time that a write may take before the node heals it' '--heal-batch:Bytes recovered at once' '--scrub-rate:Bytes a second that are read in search of damage; 0 is no search' '--scrub-pause:Time between two searches' '--reserve:Bytes of the disk to leave free' '--pending-quota:Bytes of blobs without a certificate that one writer may have; 0 is an eighth of what is free on the disk' '--pending-age:Time after which blobs without a certificate are removed' '--inline-max:Longest sliver that goes into the database; 0 is none' '--cache:Cache of the database' '--log-level:Least level to log: debug, info, warn or error' '--log-format:Format of the log, on standard error: text or json')
		;;
	' status')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--wait) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for nodes to answer' '--wait:Ask again for so long until all nodes are healthy' '--json:Print one JSON object instead of text')
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
_rs2d_node "$@"
