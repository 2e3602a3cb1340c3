package rs2d

import (
	"bytes"
	"errors"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
)

func TestCheckRows(t *testing.T) {
	for _, scheme := range []commit.Scheme{commit.BLAKE3, commit.Walrus} {
		code, err := New(10, WithScheme(scheme))
		if err != nil {
			t.Fatal(err)
		}
		for _, length := range []int{0, 1, 13, 14, 15, 27, 28, 29, 55, 56, 57, 1000, 100_000} {
			blob := pattern(length, 1)
			e, err := code.Encode(blob)
			if err != nil {
				t.Fatal(err)
			}
			meta := e.Metadata()
			row := len(e.Primary(0).Data)
			live := (length + row - 1) / row
			var rows []byte
			for i := range live {
				rows = append(rows, e.Primary(i).Data...)
			}
			for _, check := range []Check{CheckStrict, CheckSystematic, CheckNone} {
				if err := code.CheckRows(meta, rows, check); err != nil {
					t.Fatalf("%v, %d bytes, check %d: %v", scheme, length, check, err)
				}
				if err := code.CheckRows(meta, append(bytes.Clone(rows), 0), check); !errors.Is(err, ErrSize) {
					t.Fatalf("%d bytes, too many: %v", length, err)
				}
				want := ErrRoot
				if check == CheckNone {
					want = nil
				}
				// The first and the last byte of the blob, and of what fills its last row.
				for _, at := range []int{0, length - 1, length, len(rows) - 1} {
					if at < 0 || at >= len(rows) {
						continue
					}
					wrong := bytes.Clone(rows)
					wrong[at] ^= 1
					before := bytes.Clone(wrong)
					if err := code.CheckRows(meta, wrong, check); !errors.Is(err, want) {
						t.Fatalf("%v, %d bytes, check %d, byte %d wrong: %v", scheme, length, check, at, err)
					}
					if !bytes.Equal(wrong, before) {
						t.Fatal("the rows were written to")
					}
				}
			}
			if err := code.CheckRows(meta, rows, CheckNone+1); !errors.Is(err, ErrCheck) {
				t.Fatal(err)
			}
			// A parity root tells that no blob was encoded: to a strict reader only.
			cheat := *meta
			cheat.Secondary = append([]commit.Hash(nil), meta.Secondary...)
			cheat.Secondary[9][0] ^= 1
			if err := code.CheckRows(&cheat, rows, CheckStrict); !errors.Is(err, ErrRoot) {
				t.Fatal(err)
			}
			if err := code.CheckRows(&cheat, rows, CheckSystematic); err != nil {
				t.Fatal(err)
			}
			// So does a row past the end that is not zero.
			if live < 4 {
				cheat = *meta
				cheat.Primary = append([]commit.Hash(nil), meta.Primary...)
				cheat.Primary[3][0] ^= 1
				if err := code.CheckRows(&cheat, rows, CheckSystematic); !errors.Is(err, ErrRoot) {
					t.Fatal(err)
				}
			}
		}
	}
}
