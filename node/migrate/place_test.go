package migrate

import (
	"reflect"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
)

func TestPlace(t *testing.T) {
	id := commit.BlobID{1, 2, 3}
	for _, want := range []place{{}, {Reported: 7, Epoch: 8}, {Epoch: 1 << 40, Cursor: &id}, {Reported: 1, Epoch: 2, Copied: true}} {
		if got := parsePlace(want.value()); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	whole := (&place{Epoch: 3, Cursor: &id}).value()
	for n := range whole {
		if got := parsePlace(whole[:n]); got != (place{}) {
			t.Errorf("%d bytes of a place are %+v, want none", n, got)
		}
	}
}
