package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/node"
	"github.com/redstuff-go/redstuff/node/api"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/fault"
	"github.com/redstuff-go/redstuff/rs2d"
)

// web returns an HTTP client for one node that has the key of a writer, and the node's
// address.
func (c *cluster) web(i int) (*http.Client, string) {
	transport := &http.Transport{TLSClientConfig: c.writer.ClientTLS(c.nodes[i].key.TLSPublic())}
	c.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}, "https://" + c.nodes[i].address
}

func TestBadRequests(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	blob := randomBlob(1, 30_000)
	e, err := cl.Code().Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	id := put(t, cl, blob).ID
	other, err := cl.Code().Encode([]byte("not stored"))
	if err != nil {
		t.Fatal(err)
	}
	web, base := c.web(0)
	mine := c.committee.Pairs(id, 0)[0]
	foreign := c.committee.Pairs(id, 1)[0]
	raw, err := other.Metadata().MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	frame := func(h api.FrameHeader, data []byte) []byte {
		h.Length = uint32(len(data))
		return append(h.Append(nil), data...)
	}
	end := api.FrameHeader{}.Append(nil)
	otherMine := c.committee.Pairs(other.ID(), 0)[0]
	primary, _ := other.Pair(otherMine)
	wrong := bytes.Clone(primary.Data)
	wrong[0] ^= 1
	bundle := func(parts ...[]byte) string { return string(bytes.Join(parts, nil)) }
	meta := frame(api.FrameHeader{Kind: api.FrameMetadata}, raw)
	sliver := func(pair int, data []byte) []byte {
		return frame(api.FrameHeader{Kind: api.FrameSliver, Index: uint16(pair)}, data)
	}
	blobPath := func(rest string) string { return api.BlobPath(id, rest) }
	otherPath := func(rest string) string { return api.BlobPath(other.ID(), rest) }

	for _, test := range []struct {
		name, method, path, body string
		want                     int
	}{
		{"no such path", "GET", "/v1/nothing", "", 404},
		{"no such method", "DELETE", blobPath(""), "", 404},
		{"no id", "GET", "/v1/blobs/abc/metadata", "", 400},
		{"id with padding", "GET", "/v1/blobs/" + id.String() + "=/metadata", "", 400},
		{"unknown id", "GET", otherPath(api.MetadataPath), "", 404},
		{"list limit", "GET", api.BlobsPath + "?limit=x", "", 400},
		{"list after", "GET", api.BlobsPath + "?after=x", "", 400},
		{"axis", "GET", blobPath(fmt.Sprintf("/slivers/%d/third", mine)), "", 400},
		{"pair", "GET", blobPath("/slivers/12/primary"), "", 400},
		{"pair with sign", "GET", blobPath("/slivers/-1/primary"), "", 400},
		{"foreign pair", "GET", blobPath(fmt.Sprintf("/slivers/%d/primary", foreign)), "", 421},
		{"pairs", "GET", blobPath("/slivers?primary=1,x"), "", 400},
		{"foreign pairs", "GET", blobPath(fmt.Sprintf("/slivers?primary=%d", foreign)), "", 421},
		{"slivers of unknown blob", "GET", otherPath(fmt.Sprintf("/slivers?primary=%d", otherMine)), "", 404},
		{"sliver before metadata", "PUT", otherPath(fmt.Sprintf("/slivers/%d/primary", otherMine)), "x", 409},
		{"foreign sliver", "PUT", blobPath(fmt.Sprintf("/slivers/%d/primary", foreign)), "x", 421},
		{"short sliver", "PUT", blobPath(fmt.Sprintf("/slivers/%d/primary", mine)), "x", 422},
		{"long sliver", "PUT", blobPath(fmt.Sprintf("/slivers/%d/primary", mine)), strings.Repeat("x", 1<<20), 413},
		{"wrong sliver", "PUT", blobPath(fmt.Sprintf("/slivers/%d/primary", mine)), string(make([]byte, len(e.Primary(mine).Data))), 422},
		{"metadata of another blob", "PUT", blobPath(api.MetadataPath), string(raw), 422},
		{"no metadata", "PUT", blobPath(api.MetadataPath), "hello", 400},
		{"long metadata", "PUT", blobPath(api.MetadataPath), strings.Repeat("x", 1<<20), 413},
		{"bundle without metadata", "PUT", otherPath(""), bundle(sliver(otherMine, primary.Data), end), 400},
		{"bundle of nothing", "PUT", otherPath(""), "", 400},
		{"bundle cut off", "PUT", otherPath(""), bundle(meta, sliver(otherMine, primary.Data)), 400},
		{"bundle cut in a frame", "PUT", otherPath(""), bundle(meta[:30]), 400},
		{"bundle of another blob", "PUT", api.BlobPath(commit.BlobID{1}, ""), bundle(meta, end), 422},
		{"bundle with a wrong sliver", "PUT", otherPath(""), bundle(meta, sliver(otherMine, wrong), end), 422},
		{"bundle with a short sliver", "PUT", otherPath(""), bundle(meta, sliver(otherMine, wrong[1:]), end), 400},
		{"bundle with a sliver twice", "PUT", otherPath(""), bundle(meta, sliver(otherMine, primary.Data), sliver(otherMine, primary.Data), end), 400},
		{"bundle with a foreign sliver", "PUT", otherPath(""), bundle(meta, sliver(c.committee.Pairs(other.ID(), 1)[0], primary.Data), end), 421},
		{"part of a bundle", "PUT", otherPath(""), bundle(meta, sliver(otherMine, primary.Data), end), 202},
		{"no confirmation of a part", "GET", otherPath(api.ConfirmationPath), "", 404},
		{"no certificate", "PUT", blobPath(api.CertificatePath), "hello", 400},
		{"no certificate yet", "GET", otherPath(api.CertificatePath), "", 404},
		{"requests", "POST", api.SymbolsPath, "hello", 400},
		{"long requests", "POST", api.SymbolsPath, strings.Repeat("x", api.MaxRequestBody+1), 413},
		{"symbols without target", "GET", blobPath(api.RecoveryPath), "", 400},
		{"symbols of foreign pair", "GET", blobPath(fmt.Sprintf("%s?axis=primary&target=1&source=%d", api.RecoveryPath, foreign)), "", 421},
		{"symbols of target beyond", "GET", blobPath(api.RecoveryPath + "?axis=primary&target=12"), "", 400},
		{"no proof", "GET", blobPath(api.ProofPath), "", 404},
		{"no certificate that it is inconsistent", "GET", blobPath(api.InvalidBlobCertificatePath), "", 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			req, err := http.NewRequest(test.method, base+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := web.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			answer, err := io.ReadAll(resp.Body)
			if resp.StatusCode != test.want || err != nil {
				t.Fatalf("%d: %s", resp.StatusCode, answer)
			}
			var e api.Error
			if test.want >= 400 && (json.Unmarshal(answer, &e) != nil || e.Message == "") {
				t.Fatalf("no message: %s", answer)
			}
		})
	}
	t.Run("unknown length", func(t *testing.T) {
		req, err := http.NewRequest("PUT", base+blobPath(api.MetadataPath), io.NopCloser(strings.NewReader("x")))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 411 {
			t.Fatal(resp.Status)
		}
	})
	expectRead(t, cl, id, blob)
}

func TestServes(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(nil)
	blob := randomBlob(1, 1_500_000)
	e, err := cl.Code().Encode(blob)
	if err != nil {
		t.Fatal(err)
	}
	id := put(t, cl, blob).ID
	web, base := c.web(0)
	get := func(path, ranges string, want int) []byte {
		t.Helper()
		req, err := http.NewRequest("GET", base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if ranges != "" {
			req.Header.Set("Range", ranges)
		}
		resp, err := web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("%s: %s, %v", path, resp.Status, err)
		}
		return data
	}
	for _, pair := range c.committee.Pairs(id, 0) {
		primary, secondary := e.Pair(pair)
		for _, s := range []rs2d.Sliver{primary, secondary} {
			path := api.SliverPath(id, pair, s.Axis)
			if !bytes.Equal(get(path, "", 200), s.Data) {
				t.Fatal("another sliver")
			}
			if !bytes.Equal(get(path, "bytes=1000-70000", 206), s.Data[1000:70001]) {
				t.Fatal("another range")
			}
			if !bytes.Equal(get(path, "bytes=-5", 206), s.Data[len(s.Data)-5:]) {
				t.Fatal("another end")
			}
			get(path, fmt.Sprintf("bytes=%d-", len(s.Data)), 416)
			for _, target := range []int{0, 11} {
				symbol := get(fmt.Sprintf("%s?axis=%v&target=%d&source=%d", api.BlobPath(id, api.RecoveryPath), s.Axis.Other(), target, pair), "", 200)
				want := rs2d.SliverRef{Axis: s.Axis.Other(), Index: target}
				got, err := rs2d.ParseSymbol(e.Metadata(), want, symbol)
				if err != nil {
					t.Fatal(err)
				}
				if err := cl.Code().VerifySymbol(e.Metadata(), got); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if plain := get(api.BlobPath(id, api.DecodingPath)+"?axis=primary&target=3", "", 200); len(plain) == 0 {
		t.Fatal("no symbols")
	}
	var health api.Health
	if err := json.Unmarshal(get(api.HealthPath, "", 200), &health); err != nil || health.Name != "node-0" || health.Owned != "0-2" {
		t.Fatalf("%+v, %v", health, err)
	}
	admin := httptest.NewServer(c.nodes[0].node.AdminHandler())
	defer admin.Close()
	resp, err := http.Get(admin.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"redstuff_requests_total", "redstuff_request_seconds_bucket", "redstuff_heal_restored_bytes_total", "redstuff_healthy", "go_goroutines"} {
		if !bytes.Contains(text, []byte(name)) {
			t.Errorf("no metric %s", name)
		}
	}
}

func TestOverload(t *testing.T) {
	c := newCluster(t, 4, 12, func(o *node.Config) { o.MaxRequests, o.MaxBytes = 2, 1<<20 })
	web, base := c.web(0)
	id := commit.BlobID{1}
	// A body larger than all memory for bodies is held back to that much; two at once
	// are too many.
	first, firstWriter := io.Pipe()
	defer firstWriter.Close()
	request := func(body io.Reader, length int64) (*http.Response, error) {
		req, err := http.NewRequest("PUT", base+api.BlobPath(id, ""), body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		return web.Do(req)
	}
	go func() {
		if resp, err := request(first, 1<<20); err == nil {
			resp.Body.Close()
		}
	}()
	if _, err := firstWriter.Write([]byte{byte(api.FrameMetadata)}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		resp, err := request(strings.NewReader(strings.Repeat("x", 1000)), 1000)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode == 503 && resp.Header.Get("Retry-After") != ""
	})
	resp, err := web.Get(base + api.HealthPath)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
}

// waitFor polls until the condition holds.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatal("it never happened")
		case <-tick.C:
		}
	}
}

func TestSlowlorisIsCutOff(t *testing.T) {
	c := newCluster(t, 4, 12, func(o *node.Config) {
		o.HeaderTimeout, o.StallTimeout, o.MinRate, o.Plaintext = 200*time.Millisecond, 200*time.Millisecond, 1<<30, true
	})
	for name, text := range map[string]string{
		"header": "GET /v1/health HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"body":   "PUT " + api.BlobPath(commit.BlobID{1}, api.MetadataPath) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nabc",
	} {
		conn, err := net.Dial("tcp", c.nodes[0].address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil && os.IsTimeout(err) {
			t.Errorf("%s: the connection stays open", name)
		}
	}
}

func TestShutdownFinishes(t *testing.T) {
	c := newCluster(t, 4, 12, nil)
	cl := c.client(func(o *client.Options) { o.Peer.Attempts = 1 })
	blob := randomBlob(1, 500_000)
	c.nodes[0].faults.SetDelay(100 * time.Millisecond)
	c.nodes[0].faults.Set(fault.Slow)
	done := make(chan error, 1)
	go func() {
		_, err := cl.Store(context.Background(), blob)
		done <- err
	}()
	c.nodes[3].kill()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
