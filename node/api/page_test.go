package api_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
)

func TestSliverRequests(t *testing.T) {
	want := []api.SliverRequest{
		{Blob: commit.BlobID{1}, Metadata: true, Primary: []uint16{0, 9}, Secondary: []uint16{3}},
		{Blob: commit.BlobID{2}, Primary: []uint16{}, Secondary: []uint16{}},
	}
	data := api.AppendSliverRequests(nil, want)
	got, err := api.ParseSliverRequests(data, 10)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	for name, bad := range map[string][]byte{
		"nothing":              nil,
		"cut off":              data[:len(data)-1],
		"more behind it":       append(data[:len(data):len(data)], 0),
		"more than it has":     append([]byte{255, 255, 255, 255}, data[4:]...),
		"a pair twice":         api.AppendSliverRequests(nil, []api.SliverRequest{{Primary: []uint16{1, 1}}}),
		"a pair out of bounds": api.AppendSliverRequests(nil, []api.SliverRequest{{Secondary: []uint16{10}}}),
	} {
		if _, err := api.ParseSliverRequests(bad, 10); !errors.Is(err, api.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

// FuzzSliverRequests: what can be read is written again as it was.
func FuzzSliverRequests(f *testing.F) {
	f.Add(api.AppendSliverRequests(nil, []api.SliverRequest{{Blob: commit.BlobID{7}, Metadata: true, Primary: []uint16{1, 2}, Secondary: []uint16{0}}}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		requests, err := api.ParseSliverRequests(data, 10)
		if err != nil {
			return
		}
		if again := api.AppendSliverRequests(nil, requests); string(again) != string(data) {
			t.Errorf("%x is written as %x", data, again)
		}
	})
}
