package daemon

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"path"
	"strings"
)

//go:embed openapi.json
var openAPI []byte

//go:embed openapi.html
var openAPIPage string

// document is what of the API's document its page shows.
type document struct {
	Info       struct{ Title, Description string }
	Paths      map[string]map[string]operation
	Components struct{ Parameters map[string]parameter }
}

type operation struct {
	Summary, Description string
	Parameters           []parameter
}

type parameter struct {
	Ref                   string `json:"$ref"`
	Name, In, Description string
	Required              bool
}

// page returns the API's document for people.
func page() ([]byte, error) {
	var d document
	if err := json.Unmarshal(openAPI, &d); err != nil {
		return nil, err
	}
	for _, methods := range d.Paths {
		for _, o := range methods {
			for i, p := range o.Parameters {
				if p.Ref != "" {
					o.Parameters[i] = d.Components.Parameters[path.Base(p.Ref)]
				}
			}
		}
	}
	t, err := template.New("").Funcs(template.FuncMap{"upper": strings.ToUpper}).Parse(openAPIPage)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, d)
	return b.Bytes(), err
}

// answerAPI answers what the API is.
func (d *Daemon) answerAPI(w http.ResponseWriter, r *http.Request) {
	text, kind := d.page, "text/html; charset=utf-8"
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		text, kind = openAPI, "application/json"
	}
	w.Header().Set("Content-Type", kind)
	_ = answerBytes(w, r, http.StatusOK, text)
}
