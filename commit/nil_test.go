package commit

import (
	"testing"

	"github.com/redstuff-go/redstuff/internal/nilargs"
)

func TestNil(t *testing.T) {
	h := mustHasher(t, Walrus, "")
	meta := &Metadata{Scheme: Walrus, Length: 5, Primary: make([]Hash, 4), Secondary: make([]Hash, 4)}
	withID, err := meta.AppendWithID(nil, h)
	if err != nil {
		t.Fatal(err)
	}
	body, err := meta.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	tree := h.NewTree(make([]Hash, 4))
	proof, err := tree.Proof(1).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	b, apart := make([]byte, 1024), make([]byte, 1024)
	nilargs.Check(t, ".", []nilargs.Call{
		{Name: "NewHasher", Func: NewHasher, Args: []any{BLAKE3, ""}},
		{Name: "NewParams", Func: NewParams, Args: []any{4}},
		{Name: "ParseBlobID", Func: ParseBlobID, Args: []any{BlobID{}.String()}},
		{Name: "ParseFile", Func: ParseFile, Args: []any{append([]byte{byte(Walrus)}, withID...)}},
		{Name: "ParseMetadata", Func: ParseMetadata, Args: []any{body, Walrus}},
		{Name: "CutProof", Func: CutProof, Args: []any{proof}},
		{Name: "ParseProof", Func: ParseProof, Args: []any{proof}},
		{Name: "ParseScheme", Func: ParseScheme, Args: []any{"walrus"}},
		{Name: "ParseWithID", Func: ParseWithID, Args: []any{withID, h}},
		{Name: "TreeDepth", Func: TreeDepth, Args: []any{4}},
		{Name: "BlobID.PairOfShard", Func: BlobID{}.PairOfShard, Args: []any{1, 4}},
		{Name: "BlobID.Rotation", Func: BlobID{}.Rotation, Args: []any{4}},
		{Name: "BlobID.ShardOfPair", Func: BlobID{}.ShardOfPair, Args: []any{1, 4}},
		{Name: "BlobID.UnmarshalText", Func: new(BlobID).UnmarshalText, Args: []any{[]byte(BlobID{}.String())}},
		{Name: "Hasher.BlobID", Func: h.BlobID, Args: []any{4, uint64(5), Hash{}}},
		{Name: "Hasher.Leaf", Func: h.Leaf, Args: []any{b}},
		{Name: "Hasher.Leaves", Func: h.Leaves, Args: []any{b, 32, apart, 64, 64, 4}},
		{Name: "Hasher.NewTree", Func: h.NewTree, Args: []any{make([]Hash, 4)}},
		{Name: "Hasher.Node", Func: h.Node, Args: []any{Hash{}, Hash{}}},
		{Name: "Hasher.Nodes", Func: h.Nodes, Args: []any{b, apart, apart[32:], 64, 4}},
		{Name: "Hasher.PairLeaf", Func: h.PairLeaf, Args: []any{Hash{}, Hash{}}},
		{Name: "Hasher.PairLeaves", Func: h.PairLeaves, Args: []any{b, apart, 4}},
		{Name: "Hasher.Root", Func: h.Root, Args: []any{make([]Hash, 4)}},
		{Name: "Hasher.VerifyProof", Func: h.VerifyProof, Args: []any{tree.Root(), Hash{}, 1, 4, tree.Proof(1)}},
		{Name: "Hasher.VerifyProofs", Func: h.VerifyProofs, Args: []any{[]Claim{{Root: tree.Root(), Index: 1, Proof: tree.Proof(1)}}, 4}},
		{Name: "Metadata.AppendBinary", Func: meta.AppendBinary, Args: []any{b}},
		{Name: "Metadata.AppendFile", Func: meta.AppendFile, Args: []any{b, h}},
		{Name: "Metadata.AppendWithID", Func: meta.AppendWithID, Args: []any{b, h}},
		{Name: "Metadata.ID", Func: meta.ID, Args: []any{h}},
		{Name: "Metadata.Pair", Func: meta.Pair, Args: []any{1}},
		{Name: "Metadata.Root", Func: meta.Root, Args: []any{h}},
		{Name: "Metadata.UnmarshalBinary", Func: new(Metadata).UnmarshalBinary, Args: []any{body}},
		{Name: "Params.EncodedLength", Func: Params{N: 4, F: 1, P: 2, S: 3}.EncodedLength, Args: []any{uint64(5)}},
		{Name: "Params.SymbolSize", Func: Params{N: 4, F: 1, P: 2, S: 3}.SymbolSize, Args: []any{uint64(5)}},
		{Name: "Proof.AppendBinary", Func: tree.Proof(1).AppendBinary, Args: []any{b}},
		{Name: "Scheme.UnmarshalText", Func: new(Scheme).UnmarshalText, Args: []any{[]byte("walrus")}},
		{Name: "Tree.AppendProof", Func: tree.AppendProof, Args: []any{Proof{}, 1}},
		{Name: "Tree.Proof", Func: tree.Proof, Args: []any{1}},
	})
}
