#compdef rs2d
# Completion of rs2d for zsh, made by rs2d --completion zsh.
_rs2d() {
	local at='' word
	local -a commands flags list
	for word in ${words[2,CURRENT-1]}; do
		case "$at $word" in
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
		case ${words[CURRENT-1]} in
		esac
		commands=('id:Print blob ids of files' 'encode:Encode a file into a directory of slivers' 'decode:Decode a directory of slivers into the file' 'verify:List missing and corrupt slivers' 'repair:Rebuild missing and corrupt slivers' 'cat:Print bytes of an encoded file' 'info:Describe a directory of slivers' 'put:Store a file on a committee of nodes' 'get:Read a blob from a committee of nodes' 'stat:Tell what a committee of nodes has of a blob' 'ls:List the blobs of a committee of nodes' 'extend:Pay for more epochs of a blob on a ledger' 'rm:Delete blobs on a ledger' 'account:Accounts on a ledger, which pay for blobs' 'ledger:Ask a ledger what it knows' 'bench:Measure this CPU, one instruction set beside the other' 'demo:Encode, destroy, decode and repair, and tell what it took')
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit')
		;;
	' id')
		case ${words[CURRENT-1]} in
		--scheme|--shards|-n|--stream-above) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--scheme:Hash of the commitments: blake3, or walrus for the ids of Walrus mainnet' '--shards:Number of shards, 4 or more' '-n:Number of shards, 4 or more' '--stream-above:Length from which on a file is not read whole but encoded piece by piece, in bounded memory' '--json:Print one JSON object instead of text')
		;;
	' encode')
		case ${words[CURRENT-1]} in
		--scheme|--shards|-n|--stream-above|--output|-o) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--scheme:Hash of the commitments: blake3, or walrus for the ids of Walrus mainnet' '--shards:Number of shards, 4 or more' '-n:Number of shards, 4 or more' '--stream-above:Length from which on a file is not read whole but encoded piece by piece, in bounded memory' '--json:Print one JSON object instead of text' '--output:Directory to write' '-o:Directory to write' '--force:Replace a directory of slivers that is there already')
		;;
	' decode')
		case ${words[CURRENT-1]} in
		--check) list=(strict systematic none); _describe value list; return ;;
		--output|-o|--memory) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--check:strict: encode again and compare the blob id' '--output:File to write; - is standard output' '-o:File to write; - is standard output' '--memory:Bound of what is held of the file at a time')
		;;
	' verify')
		case ${words[CURRENT-1]} in
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text')
		;;
	' repair')
		case ${words[CURRENT-1]} in
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text')
		;;
	' cat')
		case ${words[CURRENT-1]} in
		--range) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--range:Bytes A to B, counted from 0, B included; A- is all from A on, and --range=-N the last N bytes')
		;;
	' info')
		case ${words[CURRENT-1]} in
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text')
		;;
	' put')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--key|--grace|--certificate|--epochs|--part|--jobs) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most' '--key:Secret of a client that may write; default client.key beside the committee'\''s file' '--grace:Time for slow nodes, once enough of them have their part' '--certificate:File to write the certificate to that the blob is stored' '--epochs:Epochs for which the blob is stored, the current one included, on a ledger; default 1' '--permanent:The blob cannot be deleted before its epochs have passed' '--recursive:Store what is in directories, and a manifest that lists it' '-r:Store what is in directories, and a manifest that lists it' '--quilt:Pack small files, also those in directories, into quilts: blobs of many files each' '--part:Length from which on files are split into several blobs; by default that of the longest blob there is' '--jobs:Of several files, how many to store at once' '--names:Note the names of files in attributes of their blobs on the ledger, where everybody sees them, and which blobs are quilts')
		;;
	' get')
		case ${words[CURRENT-1]} in
		--check) list=(strict systematic); _describe value list; return ;;
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--range|--output|-o|--piece|--jobs|--file) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most' '--check:strict: encode again and compare the blob id' '--range:Bytes A to B, as in rs2d cat; the check is systematic then' '--output:File to write; - is standard output' '-o:File to write; - is standard output' '--piece:A longer blob that goes to a file is read in pieces of about this length, so that it can go on where it was; 0 reads all at once' '--jobs:Of the files of a manifest, how many to write at once' '--recursive:The blob is a manifest: write the files that it lists below the directory of --output' '-r:The blob is a manifest: write the files that it lists below the directory of --output' '--file:The blob is a quilt: read this file of it')
		;;
	' stat')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most')
		;;
	' ls')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most' '--long:Print lengths and states too' '-l:Print lengths and states too' '--all:List blobs too that are not certified, or are inconsistent' '--quilt:The blob of the id is a quilt: fail if not' '--recursive:The blob of the id is a manifest, as put --recursive makes it: fail if not' '-r:The blob of the id is a manifest, as put --recursive makes it: fail if not')
		;;
	' extend')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--key|--epochs) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most' '--key:Secret of the account; default client.key beside the genesis' '--epochs:Epochs by which the blob is stored longer')
		;;
	' rm')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--key) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most' '--key:Secret of the account; default client.key beside the genesis' '--recursive:The ids are those of manifests: delete all that they list, too' '-r:The ids are those of manifests: delete all that they list, too')
		;;
	' account')
		case ${words[CURRENT-1]} in
		esac
		commands=('new:Make the secret of an account' 'balance:Tell an account'\''s address and balance' 'transfer:Give money to another account')
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit')
		;;
	' account new')
		case ${words[CURRENT-1]} in
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text')
		;;
	' account balance')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--key) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most' '--key:Secret of the account; default client.key beside the genesis')
		;;
	' account transfer')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--key) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most' '--key:Secret of the account; default client.key beside the genesis')
		;;
	' ledger')
		case ${words[CURRENT-1]} in
		esac
		commands=('status:Tell how a ledger is' 'events:Print what happened on a ledger' 'proof:Show what the state has under a key, and prove it' 'verify:Verify a ledger, trusting its genesis alone')
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit')
		;;
	' ledger status')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most')
		;;
	' ledger events')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--from) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most' '--from:Height of the first block to print events of; default the first one' '--follow:Wait for more, until interrupted' '-f:Wait for more, until interrupted')
		;;
	' ledger proof')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--account|--object) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most' '--account:The key is that of an account' '--object:The key is that of a blob'\''s registration, as stat names it')
		;;
	' ledger verify')
		case ${words[CURRENT-1]} in
		--committee|-C|--ledger|--trusted|--genesis|--timeout|--max-memory|--max-age|--certificate|--account|--object) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--json:Print one JSON object instead of text' '--committee:File of the committee of nodes, where there is no ledger' '-C:File of the committee of nodes, where there is no ledger' '--ledger:Where the ledger is, such as http://127.0.0.1:7000' '--trusted:With --genesis, believe no ledger about the nodes of an epoch, but those of the epoch before, who have signed it' '--genesis:How the ledger began' '--timeout:Time for all of it, but for the writing of what was read' '--max-memory:Bytes of blobs and slivers to hold at most' '--max-age:Age of the last checkpoint that is accepted; default any' '--certificate:Certificate to verify, of any epoch, such as nodes show of a blob' '--account:The key is that of an account' '--object:The key is that of a blob'\''s registration, as stat shows it')
		;;
	' bench')
		case ${words[CURRENT-1]} in
		--scheme|--shards|-n|--size|--duration|--workers|--backend) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--scheme:Hash of the commitments: blake3, or walrus for the ids of Walrus mainnet' '--shards:Number of shards, 4 or more' '-n:Number of shards, 4 or more' '--json:Print one JSON object instead of text' '--size:Length of the blob, such as 32MiB' '--duration:How long to measure each cell; one run at least' '--workers:Goroutines a call may use; 0 stands for all CPUs' '--backend:Instruction sets to measure; all that this CPU has by default')
		;;
	' demo')
		case ${words[CURRENT-1]} in
		--scheme|--shards|-n) _files; return ;;
		esac
		commands=()
		flags=('--help:Show context-sensitive help' '-h:Show context-sensitive help' '--version:Print the version and exit' '--scheme:Hash of the commitments: blake3, or walrus for the ids of Walrus mainnet' '--shards:Number of shards, 4 or more' '-n:Number of shards, 4 or more' '--json:Print one JSON object instead of text')
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
_rs2d "$@"
