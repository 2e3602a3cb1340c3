package manifest

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/quilt"
)

func sample() *Manifest {
	patch := quilt.PatchID{Quilt: commit.BlobID{3}, Start: 1, End: 4}
	return &Manifest{Files: []File{
		{Path: "b/c", Size: 7, Mode: 0o600, Parts: []Part{{Patch: &patch, Size: 7}}},
		{Path: "a", Size: 30, Mode: 0o755, Parts: []Part{{Blob: commit.BlobID{1}, Size: 20}, {Blob: commit.BlobID{2}, Size: 10}}},
		{Path: "b/\xff", Mode: 0o644, Parts: []Part{}},
		{Path: "d", Size: 20, Mode: 0o644, Parts: []Part{{Blob: commit.BlobID{1}, Size: 20}}},
	}}
}

func TestRoundTrip(t *testing.T) {
	m := sample()
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"rs2d_manifest":1,"files":[{"path":"a","size":30,"mode":"755","parts":[{"id":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","size":20},`; !strings.HasPrefix(string(data), want) {
		t.Errorf("%s, want %s…", data, want)
	}
	got, err := Parse(data)
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("%+v (%v), want %+v", got, err, m)
	}
	if want := []commit.BlobID{{1}, {2}, {3}}; !reflect.DeepEqual(got.Blobs(), want) {
		t.Errorf("blobs %v, want %v", got.Blobs(), want)
	}
}

func TestMalformed(t *testing.T) {
	file := func(path, size, mode, parts string) string {
		return `{"rs2d_manifest":1,"files":[{"path":"` + path + `","size":` + size + `,"mode":"` + mode + `","parts":[` + parts + `]}]}`
	}
	const id = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	part := func(size string) string { return `{"id":"` + id + `","size":` + size + `}` }
	for _, test := range []struct{ name, text string }{
		{"nothing", ""},
		{"another thing", `{"files":[]}`},
		{"another version", `{"rs2d_manifest":2,"files":[]}`},
		{"absolute", file("/etc/passwd", "0", "644", "")},
		{"outside", file("../x", "0", "644", "")},
		{"outside in the end", file("a/../../x", "0", "644", "")},
		{"not clean", file("a/./x", "0", "644", "")},
		{"no path", file("", "0", "644", "")},
		{"the directory itself", file(".", "0", "644", "")},
		{"zero byte", file(`a\u0000b`, "0", "644", "")},
		{"twice", `{"rs2d_manifest":1,"files":[{"path":"a","size":0,"mode":"644"},{"path":"a","size":0,"mode":"644"}]}`},
		{"set user id", file("a", "0", "4755", "")},
		{"no mode", file("a", "0", "rwx", "")},
		{"parts are more", file("a", "5", "644", part("6"))},
		{"parts are less", file("a", "5", "644", part("4"))},
		{"parts overflow", file("a", "5", "644", part("18446744073709551615")+","+part("6"))},
		{"no id", file("a", "5", "644", `{"id":"x","size":5}`)},
		{"bad base64", `{"rs2d_manifest":1,"files":[{"path":"a","path_base64":"!","size":0,"mode":"644"}]}`},
	} {
		if m, err := Parse([]byte(test.text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v; want ErrMalformed", test.name, m, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := sample().Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"rs2d_manifest":1,"files":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v, want ErrMalformed", err)
			}
			return
		}
		again, err := m.Marshal()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if back, err := Parse(again); err != nil || !reflect.DeepEqual(back, m) {
			t.Fatalf("%+v (%v), want %+v", back, err, m)
		}
	})
}
