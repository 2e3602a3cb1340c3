package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redstuff-go/redstuff/commit"
	"github.com/redstuff-go/redstuff/gateway/daemon"
	"github.com/redstuff-go/redstuff/internal/pause"
	"github.com/redstuff-go/redstuff/node/client"
	"github.com/redstuff-go/redstuff/node/nodetest"
)

// browser is a headless Chromium.
type browser struct {
	t     *testing.T
	judge *judge
}

// openBrowser opens one that ends with the test. The test is skipped where there is none,
// unless the environment variable REDSTUFF_BROWSER is set.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("REDSTUFF_BROWSER") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir() // which is removed when the browser has ended
	b := &browser{t, startJudge(t, "browser.mjs")}
	b.ask(map[string]any{"operation": "open", "chromium": chromium, "dir": dir})
	return b
}

// ask has the browser do something that must succeed, and returns what it says.
func (b *browser) ask(request map[string]any) string {
	b.t.Helper()
	var answer struct{ Value any }
	if err := b.judge.ask(request, &answer); err != nil {
		b.t.Fatalf("%v: %v", request, err)
	}
	return fmt.Sprint(answer.Value)
}

func (b *browser) until(selector, words string) string {
	b.t.Helper()
	return b.ask(map[string]any{"operation": "until", "selector": selector, "words": words})
}

// file returns the path of a file with a name and a text.
func (b *browser) file(name, text string) string {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// view makes the window as wide, and light or dark.
func (b *browser) view(width, height int, scheme string) {
	b.t.Helper()
	b.ask(map[string]any{"operation": "view", "width": width, "height": height, "scheme": scheme})
}

// shot keeps what is seen for people to look at, if the environment variable REDSTUFF_SHOTS names a
// directory for it.
func (b *browser) shot(name string) {
	b.t.Helper()
	if dir := os.Getenv("REDSTUFF_SHOTS"); dir != "" {
		b.ask(map[string]any{"operation": "shot", "file": filepath.Join(dir, name+".png")})
	}
}

func (b *browser) evaluate(expression string) string {
	b.t.Helper()
	return b.ask(map[string]any{"operation": "evaluate", "expression": expression})
}

// startGateway starts nodes and a gateway before them.
func startGateway(t *testing.T) (*nodetest.Cluster, *client.Client, *httptest.Server) {
	t.Helper()
	nodes, writer := nodetest.Start(t, commit.Walrus, 4, 10)
	c, err := client.New(nodes.Control, writer, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	d, err := daemon.New(daemon.ForCluster(c), daemon.Options{})
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(d)
	t.Cleanup(gateway.Close)
	return nodes, c, gateway
}

// TestPage uses the gateway's page as a person would: a file is given and read back, and a
// node dies. A page of another origin does the same by itself.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := openBrowser(t)
	nodes, c, gateway := startGateway(t)

	b.ask(map[string]any{"operation": "goto", "url": gateway.URL + "/"})
	b.until("#figures", "4 of 4")
	if got := b.until("#members", "node-3"); strings.Contains(got, "down") {
		t.Errorf("members: %s", got)
	}
	// Each figure has its line, and so has each table.
	if got := b.evaluate(`[...document.querySelectorAll('#figures div')].map((e) => e.querySelector('code').textContent).filter((line) => line.startsWith('curl -s ` + gateway.URL + `/v1/cluster | jq ')).length`); got != b.evaluate(`document.querySelectorAll('#figures dd').length`) || got == "0" {
		t.Errorf("%s figures have their lines", got)
	}
	if got := b.evaluate(`[...document.querySelectorAll('code.curl')].map((e) => e.textContent).join('\n')`); got != "curl -s "+gateway.URL+"/v1/cluster | jq .members\ncurl -s "+gateway.URL+"/v1/cluster | jq .recent" {
		t.Errorf("curl lines of tables: %s", got)
	}

	const text = "<b>some text</b> of a file"
	b.ask(map[string]any{"operation": "choose", "selector": "#file", "file": b.file("<i>a file.txt", text)})
	id, err := c.Code().ID([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	stored := []commit.BlobID{id}
	b.until("#stored", "Stored as "+id.String())
	b.until("#recent", id.String())
	b.until("#recent", "of 10 shards")
	b.until("#recent", "for good")
	if got := b.evaluate(`fetch(document.querySelector('#stored a').href).then((r) => r.text())`); got != text {
		t.Errorf("read back: %q", got)
	}
	if got := b.evaluate(`document.querySelectorAll('#stored i, #stored b').length`); got != "0" {
		t.Errorf("%s elements of the page are the file's", got)
	}

	b.ask(map[string]any{"operation": "drop", "selector": "#drop", "file": b.file("dropped.txt", "what was dropped")})
	if id, err = c.Code().ID([]byte("what was dropped")); err != nil {
		t.Fatal(err)
	}
	stored = append(stored, id)
	b.until("#stored", "Stored as "+id.String())
	if got := b.evaluate(`fetch(document.querySelector('#stored a').href).then((r) => r.text())`); got != "what was dropped" {
		t.Errorf("dropped, and read back: %q", got)
	}

	// A node dies, is shown as down, and comes back with an empty disk: it recovers what it has lost,
	// also what was stored without it.
	b.view(1000, 900, "light")
	b.shot("healthy")
	nodes.Stop(3)
	b.until("#figures", "3 of 4")
	b.until("#members", "down")
	b.ask(map[string]any{"operation": "choose", "selector": "#file", "file": b.file("late.txt", "what came late")})
	if id, err = c.Code().ID([]byte("what came late")); err != nil {
		t.Fatal(err)
	}
	stored = append(stored, id)
	b.until("#stored", "Stored as "+id.String())
	b.shot("down")
	nodes.Renew(t, 3)
	b.until("#figures", "4 of 4")
	back := nodes.Nodes[3]
	member := back.Control.View().Current.Member(3)
	slivers := 2 * len(member.Shards) // of a blob
	for _, id := range stored {
		await(t, fmt.Sprintf("%d slivers of %v", slivers, id), func() (string, bool) {
			info, err := back.Store.Info(id)
			return fmt.Sprintf("%d (%v)", len(info.Slivers), err), len(info.Slivers) == slivers
		})
	}
	const row = "#members tr:nth-child(4)"
	// The gateway may have brought those that came late, which it still had.
	await(t, "a page with what was recovered, all but what came late at least", func() (string, bool) {
		recovered := back.Healer().Totals().Slivers
		shown := b.evaluate(`document.querySelector('` + row + ` td:nth-child(7)').textContent`)
		return fmt.Sprintf("%q for %d", shown, recovered), shown == fmt.Sprint(recovered) && recovered >= int64(2*slivers)
	})
	b.until(row+" td:nth-child(6)", "0")
	if got := b.until(row+" td:nth-child(2)", "healthy"); got != "healthy" {
		t.Errorf("%s, which has healed, is %s", member.Name, got)
	}
	b.shot("healed")

	// On a phone, in the dark, and without a mouse.
	nodes.Stop(2)
	b.until("#members", "down")
	b.view(360, 740, "dark")
	b.shot("phone")
	if got := b.evaluate(`[document.documentElement, ...document.querySelectorAll('.scroll')].every((e) => e.scrollWidth <= e.clientWidth)`); got != "true" {
		t.Error("the page, or a table on it, is wider than a phone")
	}
	if got := b.evaluate(`free(null)`); got != "not known" {
		t.Errorf("room that is not known is %q", got)
	}
	if got := b.evaluate(`getComputedStyle(document.querySelector('.bad')).color`); got != "rgb(255, 143, 143)" {
		t.Errorf("in the dark, what is bad is %s", got)
	}
	b.evaluate(`document.activeElement.blur()`)
	b.ask(map[string]any{"operation": "press", "key": "Tab"})
	if got := b.evaluate(`document.activeElement.id`); got != "file" {
		t.Errorf("the first stop of the keyboard is %q, want the file", got)
	}

	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<!doctype html><title>another origin</title>")
	}))
	t.Cleanup(other.Close)
	b.ask(map[string]any{"operation": "goto", "url": other.URL + "/"})
	body, err := json.Marshal("a blob of another page")
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`(async () => {
		const put = await fetch('%[1]s/v1/blobs?epochs=2', { method: 'PUT', body: %[2]s, headers: { 'X-Anything': '1' } });
		const { newlyCreated } = await put.json();
		return (await fetch('%[1]s/v1/blobs/' + newlyCreated.blobObject.blobId)).text();
	})()`, gateway.URL, body)
	if got := b.evaluate(script); got != "a blob of another page" {
		t.Errorf("another origin reads %q", got)
	}
}

// await waits until something is as it is wanted, and fails with what it is after a minute.
func await(t *testing.T, want string, look func() (got string, done bool)) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		got, done := look()
		if done {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s, want %s", got, want)
		}
		if err := pause.For(t.Context(), 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
}
