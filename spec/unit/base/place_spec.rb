# frozen_string_literal: true

# Without LANG, as in many containers, Ruby takes names of files for US-ASCII or for binary.
RSpec.describe "a place in an application whose directory has an umlaut" do
  before { allow(Karafka).to receive(:root).and_return(Pathname.new("/größe".dup.force_encoding(Encoding::US_ASCII))) }

  it "is named for people, wherever the consumer was read from" do
    [Encoding::BINARY, Encoding::US_ASCII, Encoding::UTF_8].each do |encoding|
      klass = Class.new
      eval("klass.define_method(:consume) {}", binding, "/größe/app/grün.rb".dup.force_encoding(encoding), 3) # rubocop:disable all -- the name is what is tested
      expect(Karafka::Place.of(klass).drop(1)).to eq(["app/grün.rb", 3])
    end
  end

  it "is found in the backtrace of an error, and the error described" do
    error = ArgumentError.new("schön \xFF".b)
    error.set_backtrace(["/usr/lib/x.rb:1:in `x'", "/größe/karafka.rb:5:in `y'".b])
    expect(Karafka::Origin.line(error)).to eq("(/größe/karafka.rb:5)")
    expect(Karafka::Origin.describe(error)).to start_with("ArgumentError: schön ? (/größe/karafka.rb:5:in")
  end

  it "does not keep an error out of the log" do
    Karafka::App.config.logger = Logger.new(log = StringIO.new)
    error = ArgumentError.new("schön")
    error.set_backtrace(["/größe/app.rb:5:in `y'".dup.force_encoding(Encoding::US_ASCII), "/grün.rb:6".b])
    Karafka::Instrumentation::LoggerListener.new.on_error_occurred({ error: error, type: "consumer.consume.error", caller: nil })
    Karafka::Instrumentation::Safely.error(error, "consumer.consume.error")
    expect(log.string.scan(/ArgumentError: schön$/).size).to eq(2)
    expect(Karafka::Instrumentation::Safely.complain("x", error)).to be_truthy
    expect(log.string).to include("raised ArgumentError: schön (/größe/app.rb:5")
  end

  it "does not keep a process from printing its threads" do
    allow(Thread).to receive(:list).and_return([instance_double(Thread, name: "grün", status: "run", backtrace: ["/größe".b, "/ü"])])
    expect(Karafka::Server::Report.threads(Karafka::Runtime.new)).to include("Thread grün (run)\n  /größe\n  /ü\n")
  end
end
