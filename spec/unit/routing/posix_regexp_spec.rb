# frozen_string_literal: true

require "open3"

RSpec.describe Karafka::Routing::PosixRegexp do
  {
    /\Aaudit\./ => "^audit\\.",
    /^audit/ => "^audit",
    /audit/ => "^.*audit",
    /audit\z/ => "^.*audit$",
    /\Aa|b$/ => "^(a|.*b$)",
    /\A(a|b)c/ => "^(a|b)c",
    /\A(?:a|b)+/ => "^(a|b)+",
    /\A(?<name>a)/ => "^(a)",
    /\Ax\d{2}/ => "^x[0-9]{2}",
    /\A\w+\S/ => "^[[:alnum:]_]+[^[:space:]]",
    /\A[\w\d.-]+/ => "^[[:alnum:]_0-9.-]+",
    /\A[^|$]x/ => "^[^|$]x",
    %r{\Aa-b/c} => "^a-b/c",
    Regexp.new("\\Aa\\-b\\/c\\.[\\.\\-x]") => "^a-b/c\\.[.x-]"
  }.each do |regexp, posix|
    it "writes #{regexp.inspect} as #{posix}" do
      expect(described_class.posix(regexp)).to eq(posix)
    end
  end

  # GNU grep uses the same regcomp as librdkafka.
  it "matches the same names as Ruby does" do
    names = %w[audit audit.x xaudit a b c ab bc ac cb x12 x1 word_1 a-b/c a-b.c foo.bar foo-bar 9lives A.b a.1 a..b_c]
    patterns = [/\Aaudit\./, /audit/, /b\z/, /\Aa|b$/, /\A(a|b)c/, /\A(?:a|b)+\z/, /x\d{2}/, /\A\w+\z/, /\A[\w.]+\z/,
                /\A[a-c]{2}\z|lives/, /\Aa(?<rest>\..)+/, /\D\z/, /\A.\z/, /\H\z/]
    patterns.each do |pattern|
      matched, = Open3.capture2("grep", "-E", described_class.posix(pattern), stdin_data: names.join("\n"))
      expect([pattern, matched.split("\n")]).to eq([pattern, names.grep(pattern)])
    end
  end

  [/[^\W\d]/, /audit/i, /a(?!b)/, /a(?=b)/, /a+?/, /a*+/, /\bword/, /(a)\1/,
   /a\Ab/, /a$b/, /(^a)/, /a{1,2}?/, /\p{L}/, /[a&&b]/, /(?i:a)/, /a b/x].each do |regexp|
    it "refuses #{regexp.inspect}, which POSIX cannot express" do
      expect { described_class.posix(regexp) }
        .to raise_error(Karafka::Errors::InvalidConfigurationError, /pattern #{Regexp.escape(regexp.inspect)} cannot.*do not have \S+/)
    end
  end
end
