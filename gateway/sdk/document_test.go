package sdk

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
	"github.com/redstuff-go/redstuff/node/control/chain"
	"github.com/redstuff-go/redstuff/node/ledger"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// TestDocument holds the API's document against what is served: each path takes the methods that
// are listed, and no others. What there is not is answered without words.
func TestDocument(t *testing.T) {
	cluster, _ := nodetest.Start(t, commit.Walrus, 4, 10)
	s := show(t, cluster.Nodes[0], nil, nil)
	answer, text := s.ask("GET", "/v1/api", nil, "Accept: application/json")
	var version struct{ OpenAPI string }
	d, err := walrusapi.Describe(text)
	if err == nil {
		err = json.Unmarshal(text, &version)
	}
	if err != nil || version.OpenAPI != "3.1.0" || answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "application/json" || len(d.Paths) < 10 {
		t.Fatalf("%d, version %q (%v)", answer.StatusCode, version.OpenAPI, err)
	}
	answer, html := s.ask("GET", "/v1/api", nil)
	if answer.Header.Get("Content-Type") != "text/html; charset=utf-8" || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("the page: %v", answer.Header)
	}
	values := map[string]string{"{blob_id}": strings.Repeat("A", 43), "{pair}": "1", "{axis}": "primary", "{object_id}": "0x" + strings.Repeat("1", 64)}
	for path, methods := range d.Paths {
		at := regexp.MustCompile(`\{[a-z_]+\}`).ReplaceAllStringFunc(path, func(name string) string { return values[name] })
		for _, method := range []string{"get", "put", "post", "delete"} {
			_, listed := methods[method]
			answer, body := s.ask(strings.ToUpper(method), at, nil)
			if served := answer.StatusCode != http.StatusMethodNotAllowed; served != listed {
				t.Errorf("%s %s: listed %t, served %t: %d, %s", method, path, listed, served, answer.StatusCode, body)
			}
			if !listed && len(body) > 0 {
				t.Errorf("%s %s: %q", method, path, body)
			}
			if listed && !strings.Contains(string(html), strings.ToUpper(method)+" "+path) {
				t.Errorf("%s %s is not on the page", method, path)
			}
		}
	}
	for _, path := range []string{"/", "/v1/blobs", "/v1/blobs/" + strings.Repeat("A", 43), "/v2/health"} {
		if answer, body := s.ask("GET", path, nil); answer.StatusCode != 404 || len(body) > 0 || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d, %q, want 404 without words", path, answer.StatusCode, body)
		}
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, ref := range regexp.MustCompile(`"\$ref": "#/([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		var at any = all
		for name := range strings.SplitSeq(ref[1], "/") {
			m, _ := at.(map[string]any)
			at = m[name]
		}
		if at == nil {
			t.Errorf("%s is not there", ref[1])
		}
	}
}

// TestHealth compares what a node says of itself with what Walrus's clients read.
func TestHealth(t *testing.T) {
	cluster, _ := nodetest.Start(t, commit.Walrus, 4, 10)
	state := "healthy"
	s := show(t, cluster.Nodes[1], nil, func(c *Config) { c.State = func() string { return state } })
	public := cluster.Nodes[1].Public().Bytes()
	want := func(ready, recovering int) map[string]any {
		return map[string]any{
			"epoch": 1., "publicKey": base64.StdEncoding.EncodeToString(public[:]), "nodeStatus": "Active",
			"eventProgress": map[string]any{"persisted": 0., "pending": 0., "highestFinishedEventIndex": 0.},
			"shardSummary": map[string]any{"owned": 3., "readOnly": 0., "ownedShardStatus": map[string]any{
				"unknown": 0., "ready": float64(ready), "inTransfer": 0., "inRecovery": float64(recovering),
			}},
		}
	}
	for _, c := range []struct {
		state             string
		ready, recovering int
		shards            string
	}{{"healthy", 3, 0, "ready"}, {"healing", 0, 3, "inRecovery"}} {
		state = c.state
		for _, detailed := range []bool{false, true} {
			answer, text := s.ask("GET", fmt.Sprintf("/v1/health?detailed=%t", detailed), nil)
			var got struct {
				Success struct {
					Code int
					Data map[string]any
				}
			}
			if err := json.Unmarshal(text, &got); err != nil || answer.StatusCode != 200 || got.Success.Code != 200 {
				t.Fatalf("%d, %s (%v)", answer.StatusCode, text, err)
			}
			h := got.Success.Data
			if up, ok := h["uptime"].(map[string]any); !ok || len(up) != 2 || up["secs"] == nil || up["nanos"] == nil {
				t.Errorf("%s: uptime %v", c.state, h["uptime"])
			}
			delete(h, "uptime")
			want := want(c.ready, c.recovering)
			if detailed {
				var owned []any
				for _, shard := range s.node.Control.View().Current.Member(1).Shards {
					owned = append(owned, map[string]any{"shard": float64(shard), "status": c.shards})
				}
				want["shardDetail"] = map[string]any{"owned": owned, "other": []any{}}
			}
			want["epoch"] = h["epoch"]
			if !reflect.DeepEqual(h, want) {
				t.Errorf("%s, detailed %t: %v, want %v", c.state, detailed, h, want)
			}
		}
	}
}

// TestStatusOf compares what is said of blobs, to a byte: clients compare the nodes' answers so.
func TestStatusOf(t *testing.T) {
	epoch := func(n uint32) *uint32 { return &n }
	one := func(object byte, deletable bool, certified *uint32, end uint32) chain.Registration {
		return chain.Registration{Object: ledger.ObjectID{object}, Blob: ledger.Blob{Deletable: deletable, Certified: certified, Storage: ledger.Storage{End: end}}}
	}
	event := func(object byte) string {
		return `{"txDigest":"` + walrusapi.EventOf([32]byte{object}).Digest + `","eventSeq":"0"}`
	}
	permanent := func(end int, certified bool, object byte, total, of int, initial string) string {
		return fmt.Sprintf(`{"permanent":{"endEpoch":%d,"isCertified":%t,"statusEvent":%s,"deletableCounts":{"count_deletable_total":%d,"count_deletable_certified":%d},"initialCertifiedEpoch":%s}}`, end, certified, event(object), total, of, initial)
	}
	for _, c := range []struct {
		name string
		blob chain.Blob
		want string
	}{
		{"nobody's", chain.Blob{}, `"nonexistent"`},
		{"invalid", chain.Blob{ID: commit.BlobID{9}, Invalid: true, Registrations: []chain.Registration{one(1, false, nil, 5)}}, `{"invalid":{"event":` + event(9) + `}}`},
		{"deletable", chain.Blob{Registrations: []chain.Registration{one(1, true, nil, 5)}}, `{"deletable":{"initialCertifiedEpoch":null,"deletableCounts":{"count_deletable_total":1,"count_deletable_certified":0}}}`},
		{"deletable, certified", chain.Blob{Certified: epoch(3), Registrations: []chain.Registration{one(1, true, epoch(3), 5), one(2, true, nil, 9)}}, `{"deletable":{"initialCertifiedEpoch":3,"deletableCounts":{"count_deletable_total":2,"count_deletable_certified":1}}}`},
		{"permanent", chain.Blob{Registrations: []chain.Registration{one(1, false, nil, 5)}}, permanent(5, false, 1, 0, 0, "null")},
		{"the longest", chain.Blob{Registrations: []chain.Registration{one(1, false, nil, 5), one(2, false, nil, 7), one(3, false, nil, 6)}}, permanent(7, false, 2, 0, 0, "null")},
		{"the longest of those certified", chain.Blob{Certified: epoch(2), Registrations: []chain.Registration{one(1, false, nil, 9), one(2, false, epoch(2), 5), one(3, false, epoch(4), 6), one(4, true, nil, 8)}}, permanent(6, true, 3, 1, 0, "2")},
	} {
		got, err := json.Marshal(statusOf(c.blob))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s (%v), want\n%s", c.name, got, err, c.want)
		}
	}
}

type blocked map[commit.BlobID]bool

func (b blocked) Has(id commit.BlobID) bool { return b[id] }

// TestBlocked: of a blob that is blocked nothing is given out, taken or confirmed, whatever the
// document says can be answered; what is known of it is said.
func TestBlocked(t *testing.T) {
	cluster, _ := nodetest.Start(t, commit.Walrus, 4, 10)
	s := show(t, cluster.Nodes[0], nil, func(c *Config) { c.Blocked = blocked{{1}: true} })
	d, err := walrusapi.Describe(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	for path, methods := range d.Paths {
		for _, id := range []commit.BlobID{{1}, {2}} {
			values := map[string]string{"{blob_id}": id.String(), "{pair}": "1", "{axis}": "primary", "{object_id}": "0x" + strings.Repeat("1", 64)}
			at := regexp.MustCompile(`\{[a-z_]+\}`).ReplaceAllStringFunc(path, func(name string) string { return values[name] })
			for method, of := range methods {
				_, can := of.Responses["451"]
				answer, text := s.ask(strings.ToUpper(method), at, nil, "Authorization: Bearer "+token)
				got := brief(answer, text)
				if refused := got == "451 UNAVAILABLE_FOR_LEGAL_REASONS FORBIDDEN_BLOB"; refused != (can && id == commit.BlobID{1}) {
					t.Errorf("%s %s of %v: %s; the document knows 451: %t", method, path, id, got, can)
				}
			}
		}
	}
}
