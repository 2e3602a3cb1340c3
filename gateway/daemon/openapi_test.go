package daemon

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/redstuff-go/redstuff/gateway/internal/walrusapi"
)

// TestOpenAPI holds the API's document against what is served: each path that it lists takes
// the methods that it lists, and no others, and knows the keys of a query.
func TestOpenAPI(t *testing.T) {
	s := serve(t, Options{})
	answer, text := s.ask("GET", "/v1/api", nil, "Accept: application/json")
	var d struct {
		OpenAPI string
		walrusapi.Description
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil || d.OpenAPI != "3.1.0" || answer.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%v, version %q", err, d.OpenAPI)
	}
	_, html := s.ask("GET", "/v1/api", nil)
	values := map[string]string{"epochs": "1", "encoding_type": "RS2", "send_object_to": "0x1", "share": "false", "quilt_version": "V1", "start": "0", "length": "1", "ids": "0x1", "object": "0x1", "blob_id": strings.Repeat("A", 43), "deletable_blob_object": "0x1"}
	for path, methods := range d.Paths {
		at := regexp.MustCompile(`\{[a-z_]+\}`).ReplaceAllStringFunc(path, func(name string) string {
			if name == "{patch_id}" {
				return strings.Repeat("A", 50)
			}
			return map[string]string{"{blob_id}": strings.Repeat("A", 43), "{object_id}": "0x1", "{identifier}": "a"}[name]
		})
		for _, method := range []string{"get", "put", "post", "delete"} {
			o, listed := methods[method]
			answer, body := s.ask(strings.ToUpper(method), at, nil)
			if served := answer.StatusCode != http.StatusMethodNotAllowed; served != listed {
				t.Errorf("%s %s: listed %t, served %t: %d, %s", method, path, listed, served, answer.StatusCode, body)
			}
			if !listed {
				continue
			}
			if !strings.Contains(html, strings.ToUpper(method)+" "+path) {
				t.Errorf("%s %s is not on the page", method, path)
			}
			for _, p := range o.Parameters {
				if p.Ref != "" {
					p = d.Components.Parameters[p.Ref[strings.LastIndex(p.Ref, "/")+1:]]
				}
				if p.In != "query" {
					continue
				}
				value := values[p.Name]
				if value == "" {
					value = "true"
				}
				if _, body := s.ask(strings.ToUpper(method), at+"?"+p.Name+"="+value, nil); strings.Contains(body, "unknown key") {
					t.Errorf("%s %s does not know %s", method, path, p.Name)
				}
			}
		}
	}
	// Every reference leads somewhere.
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	refs := regexp.MustCompile(`"\$ref": "#/([^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(refs) == 0 {
		t.Error("no references")
	}
	for _, ref := range refs {
		var at any = all
		for _, name := range strings.Split(ref[1], "/") {
			m, _ := at.(map[string]any)
			at = m[name]
		}
		if at == nil {
			t.Errorf("%s is not there", ref[1])
		}
	}
}
