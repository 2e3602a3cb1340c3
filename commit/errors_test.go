package commit

import (
	"strings"
	"testing"
)

func TestErrorsShowTheEvidence(t *testing.T) {
	id := BlobID{1}
	tests := []struct {
		name string
		err  error
		want []string
	}{
		{"shard count", &ShardCountError{Shards: 3}, []string{"3 shards", "4", "49155"}},
		{"too large", &TooLargeError{Length: 12, Max: 10}, []string{"12 bytes", "10 bytes"}},
		{"scheme", &SchemeError{Metadata: BLAKE3, Hasher: Walrus}, []string{"blake3", "walrus"}},
		{"id mismatch", &IDMismatchError{Claimed: id}, []string{id.String(), BlobID{}.String()}},
		{"proof index", &ProofError{Index: 9, Leaves: 8, Err: ErrProofIndex}, []string{"leaf 9 of 8", "outside"}},
		{"proof length", &ProofError{Index: 1, Leaves: 9, Path: 2, Err: ErrProofLength}, []string{"leaf 1 of 9", "2 hashes", "4"}},
		{"proof root", &ProofError{Leaves: 9, Root: Hash{1}, Computed: Hash{2}, Err: ErrProofRoot}, []string{Hash{1}.String(), Hash{2}.String()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := tt.err.Error()
			for _, want := range append(tt.want, "commit: ") {
				if !strings.Contains(text, want) {
					t.Errorf("%q does not say %q", text, want)
				}
			}
		})
	}
}
