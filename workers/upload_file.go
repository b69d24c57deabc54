package workers

import (
	"context"
	"fmt"

	"dispatcher/workers/attachment"
	"dispatcher/workers/ciso"
)

// fileFacts is what recognises a file.
type fileFacts struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Name   string `json:"name"` // under which it is stored
}

// identify fetches the file. When an earlier attempt has begun to store it, it
// is known and perhaps stored: then it is fetched only if it has to be sent,
// because its source may be gone by now.
func (u *upload) identify(ctx context.Context) (err error) {
	u.file, err = Resolve(ctx, u.Run, stepFile, u.fetch)
	return err
}

func (u *upload) fetch(ctx context.Context) (fileFacts, error) {
	if u.fetched == nil {
		f, err := u.want.source.fetch(ctx, u.files)
		if err != nil {
			return fileFacts{}, err
		}
		u.fetched = f
		u.want.source.content = "" // it is on disk now, and may be large
		delete(u.Message.Values, "file_content")
	}
	return fileFacts{SHA256: u.fetched.SHA256, Size: u.fetched.Size, Name: attachment.StoredName(u.want.fileName, u.fetched.SHA256)}, nil
}

// toSend returns the file for a request.
func (u *upload) toSend(ctx context.Context) (ciso.File, error) {
	facts, err := u.fetch(ctx)
	if err != nil {
		return ciso.File{}, err
	}
	if facts != u.file { // the source has another file now
		u.file = facts
		if err := u.done(stepFile, u.clock(), facts); err != nil {
			return ciso.File{}, err
		}
		if err := u.flush(ctx, true); err != nil {
			return ciso.File{}, err
		}
	}
	return ciso.File{Name: facts.Name, Size: facts.Size, Open: u.fetched.Open}, nil
}

// ours reports whether a revision holds this file. The API's hash is right only
// for a name that was not in storage, so that both are looked at.
func (u *upload) ours(r ciso.Revision) bool {
	return r.Hash == u.file.SHA256 && attachment.IsStoredName(r.Attachment, u.file.SHA256)
}

// mark is how a revision is recognised as this job's.
func (u *upload) mark() string { return "[job " + u.ID + "]" }

// observation keeps what the stored name cannot: the original name.
func (u *upload) observation() string {
	text := fmt.Sprintf("%s %s", attachment.BaseName(u.want.fileName), u.mark())
	if u.want.observation != "" {
		return u.want.observation + "\n" + text
	}
	return text
}
