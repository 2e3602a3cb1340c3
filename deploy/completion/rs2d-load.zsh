#compdef rs2d-load
# Completion of rs2d-load for zsh, made by rs2d-load --completion zsh.
_rs2d_load() {
	local at='' word
	local -a commands flags list
	for word in ${words[2,CURRENT-1]}; do
		case "$at $word" in
		esac
	done
	case $at in
	'')
		case ${words[CURRENT-1]} in
		--control) list=(fixed embedded comet); _describe value list; return ;;
		--check) list=(strict systematic none); _describe value list; return ;;
		--local|--shards|-n|--comet|--epoch|--scheme|--metadata|--dir|--open-files|--net|--committee|--key|--admin|--duration|--size|--max-size|--reads|--duplicates|--inconsistent|--concurrency|-c|--rate|--preload|--seed|--op-timeout|--kill|--restart|--wipe|--crash|--slow|--stall|--drip|--refuse|--corrupt|--swap|--forget|--partition|--join|--leave|--replace|--hostile|--flood|--slowloris|--heal-interval|--heal-delay|--settle|--check-timeout|--html|--profile) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--local:Start N nodes on this machine' '--shards:Number of shards that the local nodes share' '-n:Number of shards that the local nodes share' '--control:Control plane of local nodes: embedded, a ledger in this process, on which blobs are registered; comet, the same ledger on a validator beside each node, which dies with it; or fixed, a committee'\''s file' '--comet:The program that runs a validator, for --control comet; by default rs2d-comet beside this program or in PATH, or else what go build makes of it in a clone of the project' '--epoch:How long an epoch of the ledger of local nodes is: by default longer than any run' '--scheme:Hash of the commitments of local nodes: blake3 or walrus' '--metadata:What local nodes keep of the metadata of blobs: full, all of it; or coded, a part' '--dir:Where stores of local nodes are; a new temporary directory by default' '--keep:Leave stores and logs of local nodes where they are' '--plaintext:Speak HTTP without TLS' '--open-files:Let each local node open so many files and connections only, as ulimit -n does' '--net:Put an emulated link between every two processes: lan, wan (five regions of the world), lossy, or a TOML file, see docs/load.md' '--committee:Put the load on this committee, instead of --local' '--key:Key of a client that may write to --committee; default client.key beside it' '--admin:Admin addresses of nodes of --committee, in any order: their processor time, bytes and recovery are reported' '--duration:How long operations begin' '--size:Lengths of blobs: SIZE, uniform:LEAST-MOST, or lognormal:MEDIAN,SIGMA' '--max-size:Longest blob; default 64MiB' '--reads:Share of reads among operations' '--duplicates:Share of writes that write a blob again' '--inconsistent:Share of writes of wrongly encoded blobs, which nobody is to read' '--concurrency:Operations at once' '-c:Operations at once' '--rate:Operations a second that begin whatever became of others; by default each of --concurrency workers begins one when its last one ends' '--verify:Compare every byte that is read' '--no-verify:Compare every byte that is read' '--check:What the client makes sure of when it reads: strict, systematic, or none, which verifies slivers only' '--preload:Blobs to store before the clock starts' '--seed:Of blobs, of what is done to them, and of who is hit; default 1 with --local, and drawn by chance with --committee, which may have the blobs of an earlier run' '--op-timeout:For one operation' '--kill:kill -9 so many nodes at that time of the run, such as 3@5s' '--restart:Start nodes that were killed, and let others that misbehave be honest again' '--wipe:Kill, remove the store, and start again' '--crash:Kill and start again, but never while more than f shards would be down' '--slow:Wait half a second before every answer' '--stall:Never answer' '--drip:Answer a byte at a time' '--refuse:Answer 503' '--corrupt:Flip bits in slivers and symbols' '--swap:Answer from another blob, with valid proofs' '--forget:Acknowledge writes falsely, and keep nothing' '--partition:Cut so many nodes off from the others and from clients, together, for some time' '--join:So many new nodes come, with stake: they own shards from the epoch on that follows the next selection of a committee' '--leave:Withdraw the stake of so many nodes, which give their shards to others and end' '--replace:kill -9 so many nodes, remove their disks for ever, and let new ones come with stake' '--hostile:Keep others from recovery: list blobs one by one and slowly (list), send symbols drop by drop (drip), or list blobs that do not exist (invent)' '--flood:So many strangers come from one address and keep a connection to every node until the load ends: with a request now and then (idle), announcing a terabyte (far-body), or silent (silent), by turns; 600:idle@10s has one kind' '--slowloris:So many clients come, which keep a connection to every node and are as slow as can be: silent, with half a handshake, header or body, or leaving answers unread' '--heal-interval:How often local nodes look for what they lack' '--heal-delay:How long a write may take before local nodes that missed it recover it' '--settle:How long nodes may take to recover after the run' '--check-timeout:For reading all acknowledged blobs back, after that' '--json:Print one JSON object instead of text' '--html:Write a page with charts' '--profile:Write processor profiles there: load.pprof of the clients, node-0.pprof and so on of local nodes, strangers.pprof of a flood' '--version:Print the version and exit')
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
_rs2d_load "$@"
