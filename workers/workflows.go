package workers

import (
	"context"
	"fmt"
	"runtime/debug"

	"dispatcher/jobs"
	"dispatcher/workers/ciso"
)

// API is what all workflows need of CISO Assistant.
type API interface {
	Objects
	Evidences
}

// Workflows are the workflows by message type.
type Workflows map[string]Workflow

// NewWorkflows returns a workflow for each message type.
func NewWorkflows(api API, files Files, defaultFolder string) Workflows {
	return Workflows{
		jobs.TypeUpdateAppliedControl:        Update(api, ciso.AppliedControls),
		jobs.TypeUpdateRequirementAssessment: Update(api, ciso.RequirementAssessments),
		jobs.TypeUploadAttachment:            Upload(api, files, defaultFolder),
	}
}

// carryOut runs the workflow of the job's type. A panic is an error of this
// job, not the end of the process.
func (w Workflows) carryOut(ctx context.Context, r *Run) (err error) {
	defer func() {
		if v := recover(); v != nil {
			r.Log().Debug("workflow panicked", "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("the dispatcher itself failed on this message: %v; please report it", v)
		}
	}()
	message, err := jobs.DecodeMessage(r.Payload.Value)
	if err != nil {
		return jobs.Fail(jobs.CodeInvalidMessage, "%s", err)
	}
	workflow := w[message.Type]
	if workflow == nil {
		return jobs.Fail(jobs.CodeUnknownType, "message_type %q has no workflow", message.Type)
	}
	r.Message = message
	return workflow(ctx, r)
}
