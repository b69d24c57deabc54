package ciso

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"dispatcher/jobs"
)

// folderFresh is how long the tree of folders is believed.
const folderFresh = time.Minute

// folder is a domain or the root.
type folder struct {
	id, name, parent string
	root             bool
}

type folderCache struct {
	mu   sync.Mutex
	at   time.Time
	list []folder
}

// uuidPattern is what the API takes for an id.
var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$`)

// Folder returns the id of a folder given by id, name, or path ("global/a/b",
// global being the root).
func (c *Client) Folder(ctx context.Context, given string) (id string, err error) {
	if given = strings.TrimSpace(given); uuidPattern.MatchString(given) {
		return given, nil
	}
	for _, fresh := range []bool{false, true} {
		list, err := c.folderTree(ctx, fresh)
		if err != nil {
			return "", err
		}
		switch found := findFolders(list, given); {
		case len(found) == 1:
			return found[0].id, nil
		case len(found) > 1:
			return "", jobs.Fail(jobs.CodeInvalidSelector, "folder %q is ambiguous: %s; give such a path, or an id", cutText(given, 80), paths(list, found))
		}
	}
	return "", jobs.Fail(jobs.CodeNoMatch, "no folder %q; it does not exist, or the dispatcher's user may not see it", cutText(given, 80))
}

// nameFolders replaces names and paths in the condition on the folder by ids.
func (c *Client) nameFolders(ctx context.Context, q *query) error {
	cond := q.has("folder")
	if cond == nil {
		return nil
	}
	ids := make([]string, len(cond.values))
	for i, given := range cond.values {
		id, err := c.Folder(ctx, given)
		if err != nil {
			return err
		}
		ids[i] = id
	}
	cond.values = ids
	return nil
}

// folderTree returns all folders that the token may see.
func (c *Client) folderTree(ctx context.Context, fresh bool) ([]folder, error) {
	c.folders.mu.Lock()
	defer c.folders.mu.Unlock()
	age := c.cfg.Clock().Sub(c.folders.at)
	if c.folders.list != nil && age < folderFresh && (!fresh || age < time.Second) {
		return c.folders.list, nil
	}
	all := []folder{}
	err := c.each(ctx, "/folders/", url.Values{}, pageSize, func(r row) {
		all = append(all, folder{
			id: r.str("id"), name: r.str("name"), parent: r.inner("parent_folder").str("id"),
			root: r["parent_folder"] == nil && r.str("content_type") != "DOMAIN",
		})
	}, "id", "name", "parent_folder", "content_type")
	if err != nil {
		return nil, err
	}
	c.folders.list, c.folders.at = all, c.cfg.Clock()
	return all, nil
}

// findFolders returns the folders with a name, or else at a path.
func findFolders(list []folder, given string) (found []folder) {
	for _, f := range list {
		if f.name == given || f.root && strings.EqualFold(given, "global") {
			found = append(found, f)
		}
	}
	parts := strings.Split(strings.Trim(given, "/"), "/")
	if len(found) > 0 || !strings.Contains(given, "/") {
		return found
	}
	for _, f := range list {
		if atPath(list, f, parts) {
			found = append(found, f)
		}
	}
	return found
}

// atPath reports whether the names from f upwards are parts, read from its end.
// A path may begin at the root ("global") or below it; the root may be invisible.
func atPath(list []folder, f folder, parts []string) bool {
	for i := len(parts) - 1; ; i-- {
		if f.root {
			return i == 0 && strings.EqualFold(parts[0], "global")
		}
		if f.name != parts[i] {
			return false
		}
		parent, visible := byID(list, f.parent)
		switch {
		case i == 0:
			return !visible || parent.root
		case !visible:
			return i == 1 && strings.EqualFold(parts[0], "global")
		}
		f = parent
	}
}

func byID(list []folder, id string) (folder, bool) {
	for _, f := range list {
		if f.id == id && id != "" {
			return f, true
		}
	}
	return folder{}, false
}

// paths renders where some folders are, for people.
func paths(list, found []folder) string {
	var all []string
	for _, f := range found[:min(len(found), 5)] {
		all = append(all, fmt.Sprintf("%s (%s)", path(list, f), f.id))
	}
	return strings.Join(all, ", ")
}

// path renders where a folder is.
func path(list []folder, f folder) string {
	names := []string{f.name}
	for range len(list) {
		parent, ok := byID(list, f.parent)
		if !ok || parent.root {
			break
		}
		names = append([]string{parent.name}, names...)
		f = parent
	}
	return "global/" + strings.Join(names, "/")
}
