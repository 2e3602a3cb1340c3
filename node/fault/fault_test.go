package fault_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/fault"
)

// serve runs a server behind an injector. It has one blob with a certificate, and
// answers all else with 1000 bytes.
func serve(t *testing.T) (*fault.Injector, string) {
	t.Helper()
	i := new(fault.Injector)
	id := commit.BlobID{9}
	s := httptest.NewServer(i.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == api.BlobsPath {
			list := api.BlobList{Blobs: []api.BlobEntry{{Blob: id, Certificate: append([]byte("of "), id[:]...)}}}
			list.More = r.URL.Query().Get("limit") == "1"
			_ = json.NewEncoder(w).Encode(list)
			return
		}
		_, _ = w.Write(make([]byte, 1000))
	})))
	t.Cleanup(s.Close)
	return i, s.URL
}

func get(t *testing.T, url string) (body []byte, took time.Duration) {
	t.Helper()
	began := time.Now()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err = io.ReadAll(resp.Body); err != nil {
		t.Fatal(err)
	}
	return body, time.Since(began)
}

// TestInventBlobs follows a list of blobs that do not exist.
func TestInventBlobs(t *testing.T) {
	i, url := serve(t)
	i.Set(fault.InventBlobs)
	var after commit.BlobID
	forged := 0
	for page := range 3 {
		path := url + api.BlobsPath
		if page > 0 {
			path += "?after=" + after.String()
		}
		body, _ := get(t, path)
		var l api.BlobList
		if err := json.Unmarshal(body, &l); err != nil {
			t.Fatal(err)
		}
		if len(l.Blobs) != api.MaxList || !l.More {
			t.Fatalf("page of %d blobs, more %v, want a full page and more", len(l.Blobs), l.More)
		}
		for _, e := range l.Blobs {
			if bytes.Compare(e.Blob[:], after[:]) <= 0 {
				t.Fatalf("%v comes after %v", e.Blob, after)
			}
			after = e.Blob
			if e.Certificate != nil {
				forged++
				if !bytes.HasSuffix(e.Certificate, e.Blob[:]) {
					t.Fatalf("certificate %x of blob %x", e.Certificate, e.Blob)
				}
			}
		}
		if again, _ := get(t, path); !bytes.Equal(again, body) {
			t.Fatal("another answer to the same request")
		}
	}
	if forged != 3*api.MaxList/2 {
		t.Errorf("%d forged certificates, want half of %d", forged, 3*api.MaxList)
	}
	last := commit.BlobID(bytes.Repeat([]byte{0xff}, 32))
	body, _ := get(t, url+api.BlobsPath+"?after="+last.String())
	var l api.BlobList
	if err := json.Unmarshal(body, &l); err != nil || l.More || len(l.Blobs) > 0 {
		t.Errorf("%d blobs after the last id, %v", len(l.Blobs), err)
	}
}

func TestSlowList(t *testing.T) {
	i, url := serve(t)
	i.SetDelay(50 * time.Millisecond)
	i.Set(fault.SlowList)
	body, took := get(t, url+api.BlobsPath+"?limit=1000")
	var l api.BlobList
	if err := json.Unmarshal(body, &l); err != nil || !l.More || took < 50*time.Millisecond {
		t.Errorf("%s after %v, want one blob, and more, after 50 ms: %v", body, took, err)
	}
	if body, _ := get(t, url+api.BlobPath(commit.BlobID{1}, api.MetadataPath)); len(body) != 1000 {
		t.Errorf("%d bytes of metadata, want 1000", len(body))
	}
}

func TestDrip(t *testing.T) {
	i, url := serve(t)
	i.SetRate(4000)
	symbols := url + api.BlobPath(commit.BlobID{1}, api.RecoveryPath)
	i.Set(fault.DripSymbols)
	if body, took := get(t, symbols); len(body) != 1000 || took < 200*time.Millisecond {
		t.Errorf("%d bytes in %v, want 1000 in a quarter of a second", len(body), took)
	}
	i.SetRate(1) // which takes for ever
	if body, _ := get(t, url+api.BlobPath(commit.BlobID{1}, api.MetadataPath)); len(body) != 1000 {
		t.Errorf("%d bytes of metadata, want 1000", len(body))
	}
	i.SetRate(1 << 20)
	i.Set(fault.Drip)
	if body, _ := get(t, symbols); len(body) != 1000 {
		t.Errorf("%d bytes, want 1000", len(body))
	}
}
