package conformance

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/gateway/quilt"
	"github.com/redstuff-go/redstuff/gateway/sdk"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/committee"
	"github.com/redstuff-go/redstuff/node/control"
	"github.com/redstuff-go/redstuff/node/control/account"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/control/follow"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
	"github.com/redstuff-go/redstuff/node/server"
	"github.com/redstuff-go/redstuff/rs2d"
)

const (
	nodes  = 12
	shards = 100
	token  = "a token that nobody guesses"
)

// network is nodes with faces for Walrus's SDK, and a gateway that keeps its facts.
type network struct {
	t       *testing.T
	cluster *nodetest.Cluster
	faces   map[int]net.Listener
	client  *client.Client
	judge   *judge
	gateway string           // its URL
	ledger  chain.Ledger     // nil if there is none
	account *account.Account // of whoever pays
}

// startNetwork starts all of it. Without a ledger it speaks plain HTTP, and writers have
// a token; with one it speaks TLS, and whoever has registered a blob may send it.
func startNetwork(t *testing.T, onLedger, byRelay bool, system ...nodetest.Option) *network {
	t.Helper()
	n := &network{t: t, faces: make(map[int]net.Listener)}
	var config *tls.Config
	var environment []string
	var view control.Control
	var refresh func(context.Context) error
	options := client.Options{}
	request := map[string]any{"operation": "open", "shards": shards}
	code, err := rs2d.New(shards, rs2d.WithScheme(commit.Walrus))
	if err != nil {
		t.Fatal(err)
	}
	store := func(c *client.Client) (daemon.Store, error) { return daemon.ForCluster(c), nil }
	cluster := new(nodetest.Cluster)
	if onLedger {
		town, key := nodetest.StartOnLedger(t, commit.Walrus, nodes, shards, system...)
		cluster, n.ledger = &town.Cluster, chain.Local(town.Ledger)
		n.account = account.New(n.ledger, key.Account())
		views, err := follow.OpenViews(t.Context(), n.ledger, &town.Genesis)
		if err != nil {
			t.Fatal(err)
		}
		view, refresh, options.Registrar = views, views.Refresh, daemon.Orders{}
		store = func(c *client.Client) (daemon.Store, error) { return daemon.ForLedger(c, n.account, refresh) }
		var authority string
		config, authority = certificates(t)
		environment = []string{"NODE_EXTRA_CA_CERTS=" + authority}
		n.client, err = client.New(view, key, options)
		if err != nil {
			t.Fatal(err)
		}
	} else {
		fixed, key := nodetest.Start(t, commit.Walrus, nodes, shards, system...)
		cluster, view = fixed, fixed.Control
		request["plain"], request["token"] = true, token
		if n.client, err = client.New(view, key, options); err != nil {
			t.Fatal(err)
		}
	}
	n.cluster = cluster
	t.Cleanup(n.client.Close)
	s, err := store(n.client)
	if err != nil {
		t.Fatal(err)
	}
	d, err := daemon.New(s, daemon.Options{})
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(d)
	t.Cleanup(gateway.Close)
	n.gateway = gateway.URL
	registrar := httptest.NewServer(http.HandlerFunc(n.register))
	t.Cleanup(registrar.Close)

	now := view.View().Current
	var members []map[string]any
	for i := range now.Len() {
		m := now.Member(i)
		key := m.PublicKey.Bytes()
		at := n.face(slices.IndexFunc(cluster.Nodes, func(n *nodetest.Node) bool { return n.Address() == m.Address }), code, config)
		members = append(members, map[string]any{"address": at, "key": key[:], "shards": []int(m.Shards)})
	}
	n.judge = startJudge(t, "sdk.mjs", environment...)
	request["epoch"], request["nodes"], request["register"], request["certify"] = now.Epoch(), members, registrar.URL, gateway.URL
	if byRelay {
		request["relay"] = gateway.URL
	}
	n.ask(request, nil)
	return n
}

// face starts the face of a node, and returns its address.
func (n *network) face(node int, code *rs2d.Code, config *tls.Config) string {
	n.t.Helper()
	one := n.cluster.Nodes[node]
	c := sdk.Config{
		View:  func() server.View { return server.ViewOf(one.Control.View(), one.ID()) },
		Store: one.Store, Signer: one.Signer(), Code: code, Corrupt: one.Healer().Corrupt, Metadata: one.Metadata, Tokens: []string{token}, State: one.State,
	}
	if one.Follower != nil {
		c.Registry, c.Ledger, c.Tokens = one.Follower, n.ledger, nil
	}
	f, err := sdk.New(c)
	if err != nil {
		n.t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() { _ = f.HTTP().Serve(l, config, f) })
	n.faces[node] = l
	n.t.Cleanup(func() {
		_ = f.HTTP().Close()
		done.Wait()
	})
	return l.Addr().String()
}

// register registers a blob for the stub of the chain.
func (n *network) register(w http.ResponseWriter, r *http.Request) {
	var b struct {
		BlobID    commit.BlobID
		Root      []byte
		Size      uint64
		Epochs    uint32
		Deletable bool
	}
	text, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(text, &b)
	}
	var object ledger.ObjectID
	if err == nil && n.ledger == nil {
		_, err = rand.Read(object[:])
	} else if err == nil {
		var got chain.Receipt
		got, err = n.account.Do(r.Context(), ledger.ReserveAndRegister{
			Epochs: b.Epochs, ID: b.BlobID, Root: commit.Hash(b.Root), Length: b.Size, Encoding: ledger.EncodingRS2, Deletable: b.Deletable,
		})
		for _, e := range got.Events {
			if e, ok := e.(ledger.BlobRegistered); ok {
				object = e.Object
			}
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, object)
}

// certificates makes a certificate of 127.0.0.1, and the file of the authority that has
// signed it.
func certificates(t *testing.T) (config *tls.Config, authority string) {
	t.Helper()
	make := func(template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, []byte, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template.NotBefore, template.NotAfter = time.Unix(0, 0), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		if signer == nil {
			parent, signer = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return c, der, key
	}
	root, der, key := make(&x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	authority = filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	_, der, own := make(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "node"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, root, key)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: own}}, NextProtos: []string{"http/1.1"}}, authority
}

// ask has the SDK do something that must succeed.
func (n *network) ask(request map[string]any, answer any) {
	n.t.Helper()
	if answer == nil {
		answer = new(struct{})
	}
	if err := n.judge.ask(request, answer); err != nil {
		n.t.Fatalf("%v: %v", request["operation"], err)
	}
}

// written is a blob that the SDK has written.
type written struct {
	ID        commit.BlobID
	Object    string
	Certified uint64
	data      []byte
	deletable bool
}

// write has the SDK write a blob, and makes sure that it is certified like any other.
func (n *network) write(data []byte, deletable bool) *written {
	n.t.Helper()
	w := &written{data: data, deletable: deletable}
	n.ask(map[string]any{"operation": "write", "data": data, "epochs": 3, "deletable": deletable}, w)
	n.certified(w)
	return w
}

func (n *network) certified(w *written) {
	n.t.Helper()
	if want, err := n.client.Code().ID(w.data); err != nil || w.ID != want || w.Certified != 1 {
		n.t.Fatalf("written as %v, certified in epoch %d; want %v (%v), in epoch 1", w.ID, w.Certified, want, err)
	}
	if n.ledger != nil {
		b, err := n.ledger.Blob(n.t.Context(), w.ID)
		if err != nil {
			n.t.Fatal(err)
		}
		for _, r := range b.Registrations {
			if r.Object.String() == w.Object && r.Certified != nil && r.Deletable == w.deletable {
				return
			}
		}
		n.t.Fatalf("the ledger has %+v, want the object %s certified, deletable %t", b.Registrations, w.Object, w.deletable)
	}
	weight := 0
	for i, s := range n.client.Status(n.t.Context(), w.ID) {
		if s.Err == nil && s.Status.Certified {
			weight += n.client.Committee().Weight(i)
		}
	}
	if weight < shards-shards/3 {
		n.t.Fatalf("nodes of %d shards know that it is certified", weight)
	}
}

func (n *network) read(w *written) {
	n.t.Helper()
	var got struct{ Data []byte }
	n.ask(map[string]any{"operation": "read", "id": w.ID}, &got)
	if !bytes.Equal(got.Data, w.data) {
		n.t.Fatalf("read %d bytes of %v that differ from the %d that were written", len(got.Data), w.ID, len(w.data))
	}
	ours, err := n.client.Read(n.t.Context(), w.ID)
	if err != nil || !bytes.Equal(ours, w.data) {
		n.t.Fatalf("our client reads %d bytes of it (%v)", len(ours), err)
	}
}

// files are what is read of a quilt.
type files struct {
	Files []struct {
		Data       []byte
		Identifier string
		Tags       map[string]string
	}
}

// quilt has the SDK write a quilt, and read its files in both ways.
func (n *network) quilt(all []quilt.File) {
	n.t.Helper()
	var request []map[string]any
	var identifiers []string
	for _, f := range all {
		request = append(request, map[string]any{"identifier": f.Identifier, "data": f.Data, "tags": f.Tags})
		identifiers = append(identifiers, f.Identifier)
	}
	var q struct {
		ID      commit.BlobID
		Patches []string
	}
	n.ask(map[string]any{"operation": "writeQuilt", "files": request, "epochs": 3, "deletable": true}, &q)
	check := func(name string, got files) {
		n.t.Helper()
		if len(got.Files) != len(all) {
			n.t.Fatalf("%s: %d files, want %d", name, len(got.Files), len(all))
		}
		for i, f := range got.Files {
			if f.Identifier != all[i].Identifier || !bytes.Equal(f.Data, all[i].Data) || fmt.Sprint(f.Tags) != fmt.Sprint(all[i].Tags) {
				n.t.Errorf("%s: file %d is %q of %d bytes, tags %v; want %q of %d, %v", name, i, f.Identifier, len(f.Data), f.Tags, all[i].Identifier, len(all[i].Data), all[i].Tags)
			}
		}
	}
	var got files
	n.ask(map[string]any{"operation": "readQuilt", "id": q.ID, "identifiers": identifiers}, &got)
	check("by identifier", got)
	got = files{}
	n.ask(map[string]any{"operation": "readPatches", "ids": q.Patches}, &got)
	check("by patch id", got)
	for i, patch := range q.Patches {
		n.fetch("/v1/blobs/by-quilt-patch-id/"+patch, all[i].Data)
		n.fetch("/v1/blobs/by-quilt-id/"+q.ID.String()+"/"+url.PathEscape(all[i].Identifier), all[i].Data)
	}
	got = files{}
	n.ask(map[string]any{"operation": "readPatches", "ids": n.ours(all)}, &got)
	check("of the gateway's quilt", got)
}

// fetch reads from the gateway what must be there.
func (n *network) fetch(path string, want []byte) {
	n.t.Helper()
	answer, err := http.Get(n.gateway + path)
	if err != nil {
		n.t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK || !bytes.Equal(got, want) {
		n.t.Errorf("%s: status %d, %d bytes (%v), want %d", path, answer.StatusCode, len(got), err, len(want))
	}
}

// ours has the gateway write the files, each a byte longer, as a quilt, and returns the ids of the
// patches in the order of the files.
func (n *network) ours(all []quilt.File) (patches []string) {
	n.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part := func(name string, data []byte) {
		w, err := form.CreateFormField(name)
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			n.t.Fatal(err)
		}
	}
	var tags []map[string]any
	for i := range all {
		all[i].Data = append(bytes.Clone(all[i].Data), 'x')
		part(all[i].Identifier, all[i].Data)
		tags = append(tags, map[string]any{"identifier": all[i].Identifier, "tags": all[i].Tags})
	}
	text, err := json.Marshal(tags)
	if err != nil {
		n.t.Fatal(err)
	}
	part("_metadata", text)
	if err := form.Close(); err != nil {
		n.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(n.t.Context(), "PUT", n.gateway+"/v1/quilts?epochs=3", &body)
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Content-Type", form.FormDataContentType())
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	defer answer.Body.Close()
	var stored struct {
		StoredQuiltBlobs []struct{ Identifier, QuiltPatchID string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&stored); err != nil || len(stored.StoredQuiltBlobs) != len(all) {
		n.t.Fatalf("status %d, %d files (%v)", answer.StatusCode, len(stored.StoredQuiltBlobs), err)
	}
	ids := make(map[string]string)
	for _, f := range stored.StoredQuiltBlobs {
		ids[f.Identifier] = f.QuiltPatchID
	}
	for _, f := range all {
		patches = append(patches, ids[f.Identifier])
	}
	return patches
}

// kill stops nodes with their faces.
func (n *network) kill(which ...int) {
	for _, i := range which {
		n.faces[i].Close()
		n.cluster.Stop(i)
	}
}

// TestSDK has an unmodified client of Walrus write, confirm and read blobs and quilts, all
// of whose calls succeed, also while nodes die.
func TestSDK(t *testing.T) {
	for _, c := range []struct {
		name            string
		ledger, byRelay bool
		metadata        committee.Form
	}{
		{"ledger", true, false, committee.Full}, {"fixed, metadata in parts", false, false, committee.Coded},
		{"ledger, by upload relay, metadata in parts", true, true, committee.Coded}, {"fixed, by upload relay", false, true, committee.Full},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := startNetwork(t, c.ledger, c.byRelay, nodetest.Metadata(c.metadata))
			random := mathrand.NewChaCha8([32]byte{1})
			some := func(length int) []byte {
				b := make([]byte, length)
				_, _ = random.Read(b)
				return b
			}
			var all []*written
			for i, length := range []int{1, 1000, 300_000, 1_000_000} {
				all = append(all, n.write(some(length), i%2 == 0))
			}
			pack := []quilt.File{
				{Identifier: "a.txt", Data: some(10), Tags: map[string]string{"content-type": "text/plain", "k": "v"}},
				{Identifier: "b/ä", Data: some(30_000), Tags: map[string]string{}},
				{Identifier: "c", Data: some(1), Tags: map[string]string{}},
			}
			n.quilt(pack)
			for _, w := range all {
				n.read(w)
			}
			status := func(id commit.BlobID) string {
				var s struct{ Status struct{ Type string } }
				n.ask(map[string]any{"operation": "status", "id": id}, &s)
				return s.Status.Type
			}
			if got := status(commit.BlobID{1, 2, 3}); got != "nonexistent" {
				t.Errorf("status of no blob: %s, want nonexistent", got)
			}
			for _, w := range all {
				want := "permanent"
				if w.deletable && c.ledger {
					want = "deletable"
				}
				if got := status(w.ID); got != want {
					t.Errorf("status of %v: %s, want %s", w.ID, got, want)
				}
			}

			// Two die while the next one is on its way.
			died := make(chan struct{})
			go func() {
				defer close(died)
				n.kill(3, 7)
			}()
			late := n.write(some(2_000_000), true)
			<-died
			all = append(all, late, n.write(some(50_000), false), n.write(some(50_001), true))
			pack[0].Data = some(20)
			n.quilt(pack)
			for _, w := range all {
				n.read(w)
				var meta struct{ Length, Hashes int }
				n.ask(map[string]any{"operation": "metadata", "id": w.ID}, &meta)
				if meta.Length != len(w.data) || meta.Hashes != shards {
					t.Errorf("metadata %+v, want of %d bytes", meta, len(w.data))
				}
			}
		})
	}
}
