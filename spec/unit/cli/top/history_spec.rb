# frozen_string_literal: true

require "spec_helper"
require "karafka/cli"
require "support/process_states"

RSpec.describe Karafka::Cli::Top::History do
  include ProcessStates

  let(:history) { described_class.new("app-1:9394") }

  # Answers at these seconds.
  def answers(*seconds, **others)
    seconds.each { |second| history.answered(state(**later(second), **others), second * 1_000.0) }
    history.reading(seconds.last * 1_000.0)
  end

  def fails(at) = history.failed(Karafka::Errors::CommandError.new("nobody listens there; look at its log")).then { history.reading(at) }

  it "knows nothing before the first answer, and has no window at it" do
    expect(history.reading(0)).to be_nil
    expect(answers(0).look.span_ms).to be_nil
  end

  it "keeps a window between a quarter and half a minute, however long it goes on" do
    answers(*0..14)
    spans = (15..600).map { |second| answers(second).look.span_ms }
    expect(spans.minmax).to match([be >= 14_000, be <= 30_000])
  end

  it "says why there is no answer, and since when; the figures are gone" do
    expect(fails(5_000)).to have_attributes(look: nil, error: "nobody listens there", next_step: "look at its log", silent_ms: nil)
    answers(10)
    expect(fails(25_000)).to have_attributes(state: nil, silent_ms: 15_000)
    expect(answers(30)).to have_attributes(error: nil, silent_ms: nil, look: have_attributes(span_ms: 20_000))
  end

  it "begins anew with another process" do
    answers(0, 10)
    expect(answers(12, process: { pid: 101 }).look.span_ms).to be_nil
    expect(answers(14, process: { pid: 101 }).look.span_ms).to eq(2_000)
  end
end
