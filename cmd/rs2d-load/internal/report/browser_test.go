package report

import (
	"encoding/json"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// hovering moves the mouse over the middle of each chart of a page, and writes what is shown there at
// the page's end.
const hovering = `<script>
addEventListener("load", () => {
  const tip = document.getElementById("tip"), said = {};
  for (const svg of document.querySelectorAll("svg[data-chart]")) {
    const box = svg.getBoundingClientRect(), what = svg.closest(".node")?.querySelector("b").textContent ?? "";
    svg.dispatchEvent(new PointerEvent("pointermove", { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 }));
    said[what + " " + svg.getAttribute("aria-label")] = tip.hidden ? "" : tip.innerText;
    svg.dispatchEvent(new PointerEvent("pointerleave"));
    if (!tip.hidden) said.left = "is shown still when the mouse has left";
  }
  said.loaded = performance.getEntriesByType("resource").map(e => e.name).join(" ");
  const out = document.createElement("output");
  out.textContent = JSON.stringify(said);
  document.body.append(out);
});
</script></body>`

// TestHover has a browser show a page, which has no network, and tell the values where the mouse is.
func TestHover(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("REDSTUFF_BROWSER") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	var page strings.Builder
	if err := sample().HTML(&page); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(strings.Replace(page.String(), "</body>", hovering, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir="+t.TempDir(),
		"--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1300,900", "--dump-dom", "file://"+file).Output()
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?s)<output>(.*)</output>`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("the page's script did not come to its end:\n%.2000s", out)
	}
	var said map[string]string
	if err := json.Unmarshal([]byte(html.UnescapeString(string(found[1]))), &said); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		" Latency of reads":      "1.33 s\np50: 1 ms\np99: 11.3 ms",
		" Latency of writes":     "1.33 s", // none
		" Throughput":            "1.33 s\nreads: 101 MB/s of blobs\nwrites: 0 MB/s of blobs",
		" Recovery":              "1.33 s\nreceived: 4 MiB\nrestored: 2 MiB",
		" Distribution of reads": "at most 1,070 ms\nreads: 0 operations by latency",
		"alpha Processors":       "2 s\nprocessors: 0.5 in use",
		"beta Memory, MiB":       "2 s\nmemory: 50 MiB",
		"loaded":                 "", "left": "",
	} {
		if said[name] != want {
			t.Errorf("%s: %q, want %q", name, said[name], want)
		}
	}
	if t.Failed() {
		t.Logf("%q", said)
	}
}
