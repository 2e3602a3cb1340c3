package rs2d_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/rs2d"
)

// walrusAnswer returns what a storage node, of Walrus's own code, answers for the
// blob of a test network of ten shards: BCS, see commit/testdata/walrus-rs2.json.
func walrusAnswer(name string) []byte {
	raw, err := os.ReadFile("../commit/testdata/walrus-rs2.json")
	if err != nil {
		log.Fatal(err)
	}
	var file struct {
		Vectors []struct {
			BCS map[string]string `json:"bcs"`
		} `json:"vectors"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		log.Fatal(err)
	}
	answer, err := hex.DecodeString(file.Vectors[0].BCS[name])
	if err != nil {
		log.Fatal(err)
	}
	return answer
}

// The id that Walrus mainnet, of a thousand shards, gives a blob of one zero byte.
func Example_walrusID() {
	mainnet, err := rs2d.New(1000, rs2d.WithScheme(commit.Walrus))
	if err != nil {
		log.Fatal(err)
	}
	id, err := mainnet.ID([]byte{0})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(id)
	// Output: ikLkoKbOGH6P7kZyA78_GOJnoOjkbI1lOYH5I77Qi7Y
}

// Encoding a blob to store it: what to send to which shard, in Walrus's formats.
func Example_walrusEncode() {
	const shards = 10 // 1000 on mainnet
	code, err := rs2d.New(shards, rs2d.WithScheme(commit.Walrus))
	if err != nil {
		log.Fatal(err)
	}
	encoding, err := code.Encode([]byte("walrus blob id v1 regression test"))
	if err != nil {
		log.Fatal(err)
	}
	metadata, err := encoding.Metadata().MarshalBinary() // for every node
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("blob", encoding.ID())
	fmt.Println("metadata of", len(metadata), "bytes")
	for pair := range 2 {
		primary, secondary := encoding.Pair(pair)
		first, err := primary.AppendBCS(nil, encoding.SymbolSize())
		if err != nil {
			log.Fatal(err)
		}
		second, err := secondary.AppendBCS(nil, encoding.SymbolSize())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("pair %d to shard %d: %x, %x\n", pair, encoding.ID().ShardOfPair(pair, shards), first, second)
	}
	// Output:
	// blob RcU82Mwf-CFkv1LaI_2qcpANwpGUuG3TMwnVzZxD2kY
	// metadata of 671 bytes
	// pair 0 to shard 8: 0e77616c72757320626c6f6220696402000000, 08c2f80b0295ac000002000900
	// pair 1 to shard 9: 0e2076312072656772657373696f6e02000100, 081a1e172fb6d1000002000800
}

// Checking what storage nodes answer, without trusting them: metadata, a sliver and a
// symbol with its proof.
func Example_walrusVerify() {
	code, err := rs2d.New(10, rs2d.WithScheme(commit.Walrus))
	if err != nil {
		log.Fatal(err)
	}
	hasher, err := commit.NewHasher(commit.Walrus, "")
	if err != nil {
		log.Fatal(err)
	}
	want, err := commit.ParseBlobID("RcU82Mwf-CFkv1LaI_2qcpANwpGUuG3TMwnVzZxD2kY")
	if err != nil {
		log.Fatal(err)
	}

	// ParseWithID checks that the id is that of the metadata: it must be the one asked for.
	meta, id, err := commit.ParseWithID(walrusAnswer("metadata_with_id"), hasher)
	if err != nil || id != want {
		log.Fatalf("not the metadata of %v: %v", want, err)
	}
	sliver, err := rs2d.ParseSliver(meta, rs2d.Secondary, walrusAnswer("pair0_secondary_sliver"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sliver, code.VerifySliver(meta, sliver))

	// Shard 0 of the pair serves a symbol to whoever lost the last primary sliver.
	lost := rs2d.SliverRef{Axis: rs2d.Primary, Index: 9}
	symbol, err := rs2d.ParseSymbol(meta, lost, walrusAnswer("recovery_symbol_from_pair0_secondary_for_last_primary"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("symbol", symbol.Row, symbol.Col, code.VerifySymbol(meta, symbol))

	symbol.Data = []byte{1, 2}
	fmt.Println("altered symbol:", code.VerifySymbol(meta, symbol) != nil)
	// Output:
	// secondary sliver 9 <nil>
	// symbol 9 9 <nil>
	// altered symbol: true
}

// Reading a blob back from the slivers of some nodes, one of which is wrong, and
// recovering a sliver that was lost from single symbols of others.
func Example_walrusDecode() {
	code, err := rs2d.New(10, rs2d.WithScheme(commit.Walrus))
	if err != nil {
		log.Fatal(err)
	}
	encoding, err := code.Encode([]byte("walrus blob id v1 regression test"))
	if err != nil {
		log.Fatal(err)
	}
	meta := encoding.Metadata()

	// Four primary slivers are enough; Decode finds out which are right.
	var slivers []rs2d.Sliver
	for _, i := range []int{9, 2, 7, 4, 5} {
		slivers = append(slivers, encoding.Primary(i))
	}
	slivers[1].Data = []byte("not the sliver")
	blob, err := code.Decode(meta, slivers, rs2d.CheckStrict)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", blob)

	// Each of four other shards gives one symbol of lost secondary sliver 0, with proof.
	lost := rs2d.SliverRef{Axis: rs2d.Secondary, Index: 0}
	var symbols []rs2d.Symbol
	for _, i := range []int{3, 6, 8, 9} {
		prover, err := code.NewProver(encoding.Primary(i))
		if err != nil {
			log.Fatal(err)
		}
		symbols = append(symbols, prover.Symbol(lost.Index))
	}
	sliver, err := code.Recover(meta, lost, symbols)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(sliver.Data) == string(encoding.Secondary(0).Data))
	// Output:
	// walrus blob id v1 regression test
	// true
}
